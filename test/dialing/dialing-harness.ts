import { CALLS_PROJECTION } from '../../src/calls/call-append.js';
import { CallCommands } from '../../src/calls/call-commands.js';
import { SIMULATOR_CARRIER } from '../../src/carriers/carrier.js';
import { AttemptRecovery } from '../../src/dialing/attempt-recovery.js';
import { CallDialer } from '../../src/dialing/call-dialer.js';
import { CallLeases } from '../../src/dialing/call-leases.js';
import { CallQueue } from '../../src/dialing/call-queue.js';
import { type DialingOptions, NO_LIMITS } from '../../src/dialing/dialing-options.js';
import { Dispatcher } from '../../src/dialing/dispatcher.js';
import { LeaseTable } from '../../src/dialing/lease-table.js';
import { LegFollowerFactory } from '../../src/dialing/leg-follower-factory.js';
import { TakeOver } from '../../src/dialing/take-over.js';
import { EventStore } from '../../src/lib/event-store/event-store.js';
import { newId } from '../../src/lib/platform/ids.js';
import { createLog } from '../../src/lib/platform/log.js';
import { Notifications } from '../../src/lib/platform/database/notifications.js';
import { type Sessions } from '../../src/sessions/sessions.js';
import { type LineSetup, type TelephonyProvider } from '../../src/telephony/provider.js';
import { type Json, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/process.js';

const LOG = createLog('silent');
const OPTIONS: DialingOptions = { ringTimeoutMs: 60_000, maxDurationMs: 60_000, leaseMs: 60_000, limits: NO_LIMITS };

/** The sessions that dialing needs. */
export type FakeSessions = Pick<Sessions, 'prepare' | 'start' | 'finishRecording'>;

export const line = (): LineSetup => ({ carrier: SIMULATOR_CARRIER, organizationId: newId(), detectsAnswer: false });
/** Calls without an agent: the provider conducts the conversation. */
const NO_SESSIONS: FakeSessions = {
  prepare: () => Promise.resolve({ status: 'ready', line }),
  start: () => {
    throw new Error('no agent is prepared');
  },
  finishRecording: () => Promise.resolve(),
};

/** The dialing of one worker, whose periodic tasks a test runs one by one. */
export class DialingWorkerHarness {
  readonly owner: string;
  readonly admit: () => Promise<void>;
  readonly renew: () => Promise<void>;
  readonly hangUpEnded: () => Promise<void>;
  readonly takeOver: () => Promise<void>;
  readonly stop: () => Promise<void>;

  constructor(
    { database }: TestDatabase,
    calls: CallCommands,
    notifications: Notifications,
    provider: TelephonyProvider,
    options: DialingOptions,
    sessions: FakeSessions,
  ) {
    const providers = { for: () => provider, close: () => provider.close() };
    const queue = new CallQueue(database);
    const table = new LeaseTable(database);
    const leases = new CallLeases(table, queue, notifications, LOG, options);
    const followers = new LegFollowerFactory(database, calls, sessions, notifications, LOG, options);
    const recovery = new AttemptRecovery(database, calls, providers, followers, LOG);
    const dialer = new CallDialer(calls, sessions, providers, followers, recovery, LOG, options);
    const dispatcher = new Dispatcher(queue, leases, dialer, providers, LOG, options);
    const takeOver = new TakeOver(table, leases, recovery, options);
    this.owner = leases.owner;
    this.admit = () => dispatcher.admit();
    this.renew = () => leases.renew();
    this.hangUpEnded = () => leases.hangUpEnded();
    this.takeOver = () => takeOver.takeOverCalls();
    this.stop = () => dispatcher.stop();
  }
}

/** An API without workers, and workers under the control of a test. */
export class DialingHarness {
  readonly calls: CallCommands;
  private readonly notifications: Notifications;
  private workers: DialingWorkerHarness[] = [];

  private constructor(
    readonly db: TestDatabase,
    readonly app: TestApp,
    readonly tenant: Tenant,
  ) {
    this.calls = new CallCommands(new EventStore(db.database, CALLS_PROJECTION));
    this.notifications = new Notifications(db.database, LOG, ['call_events', 'call_slots']);
  }

  static async open(): Promise<DialingHarness> {
    const db = await openTestDatabase();
    const app = await TestApp.start(db.url);
    return new DialingHarness(db, app, await app.tenant());
  }

  async close(): Promise<void> {
    await this.clear();
    await this.notifications.stop();
    await this.app.close();
    await this.db.close();
  }

  worker(
    provider: TelephonyProvider,
    options: Partial<DialingOptions> = {},
    sessions: FakeSessions = NO_SESSIONS,
  ): DialingWorkerHarness {
    const all = { ...OPTIONS, ...options };
    const worker = new DialingWorkerHarness(this.db, this.calls, this.notifications, provider, all, sessions);
    this.workers.push(worker);
    return worker;
  }

  /** Stops the workers of a test and ends its calls. */
  async clear(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
    this.workers = [];
    await this.db.database.query('delete from live_calls');
    await this.db.database.query(`update calls set status = 'cancelled', ended_at = now() where ended_at is null`);
  }

  /** Queues a call. */
  call(fields: object = {}): Promise<string> {
    return this.app.createCall(this.tenant, fields);
  }

  /** A call that a worker had admitted when it died. */
  async admittedByDeadWorker(): Promise<{ callId: string; owner: string }> {
    const callId = await this.call();
    const owner = newId();
    await new CallQueue(this.db.database).admit({
      owner,
      environment: 'test',
      carrier: 'scripted',
      leaseMs: 60_000,
      limits: NO_LIMITS,
      maxCalls: 1_000,
    });
    await this.expireLeases();
    return { callId, owner };
  }

  /** A call whose attempt a worker had claimed, and reported so far, when it died. */
  async claimedByDeadWorker(...reports: ('ReportRinging' | 'ReportAnswer')[]) {
    const { callId, owner } = await this.admittedByDeadWorker();
    const claim = newId();
    const at = new Date().toISOString();
    await this.calls.execute(callId, { type: 'DialCall', at, provider: 'scripted', claim }, {});
    for (const type of reports) await this.calls.execute(callId, { type, at, claim }, {});
    return { callId, owner, claim };
  }

  /** Lets all leases run out, as those of dead workers do. */
  async expireLeases(): Promise<void> {
    await this.db.database.query(`update live_calls set lease_until = clock_timestamp() - interval '1 ms'`);
  }

  /** The worker that holds a call; undefined without a lease. */
  async ownerOf(callId: string): Promise<string | undefined> {
    const rows = await this.db.database.query<{ owner: string }>('select owner from live_calls where call_id = $1', [
      callId,
    ]);
    return rows[0]?.owner;
  }

  async get(callId: string): Promise<Json> {
    return (await this.app.request('GET', `/v1/calls/${callId}`, { key: this.tenant.key })).body.data;
  }

  async timeline(callId: string): Promise<{ type: string; data: Json }[]> {
    return (await this.app.request('GET', `/v1/calls/${callId}/events`, { key: this.tenant.key })).body.data;
  }

  async types(callId: string): Promise<string[]> {
    return (await this.timeline(callId)).map(({ type }) => type);
  }

  /** The call once it has the status and its lease is released. */
  settled(callId: string, status: string): Promise<Json> {
    return eventually(`call ${status} and released`, async () => {
      const call = await this.get(callId);
      return call.status === status && (await this.ownerOf(callId)) === undefined ? call : undefined;
    });
  }
}

/** Waits until a condition holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(what, async () => ((await holds()) ? true : undefined));
}
