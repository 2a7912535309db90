import { EventStore } from '../../src/lib/event-store/event-store.js';
import { CallCommands } from '../../src/calls/call-commands.js';
import { CALLS_PROJECTION } from '../../src/calls/call-append.js';
import { admitCalls } from '../../src/dialing/call-queue.js';
import { Dispatcher, type DispatcherOptions } from '../../src/dialing/dispatcher.js';
import { type CallSessions } from '../../src/dialing/call-dialer.js';
import { createLog } from '../../src/lib/platform/log.js';
import { newId } from '../../src/lib/platform/ids.js';
import { Notifications } from '../../src/lib/platform/database/notifications.js';
import { type TelephonyProvider } from '../../src/telephony/provider.js';
import { type Json, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/process.js';

export const NO_LIMITS = { callsPerOrganization: 0, callsPerNumber: 0, callsPerSecond: 0 };
const LOG = createLog('silent');
const OPTIONS: DispatcherOptions = { ringTimeoutMs: 60_000, maxDurationMs: 60_000, leaseMs: 60_000, limits: NO_LIMITS };

/** An API without workers, and workers one by one, each of which does only what it is told to. */
export class Workbench {
  readonly calls: CallCommands;
  private readonly wakeups: Notifications;
  private workers: Dispatcher[] = [];

  private constructor(
    readonly db: TestDatabase,
    readonly app: TestApp,
    readonly tenant: Tenant,
  ) {
    this.calls = new CallCommands(new EventStore(db.database, CALLS_PROJECTION));
    this.wakeups = new Notifications(db.database, LOG);
  }

  static async open(): Promise<Workbench> {
    const db = await openTestDatabase();
    const app = await TestApp.start(db.url);
    return new Workbench(db, app, await app.tenant());
  }

  async close(): Promise<void> {
    await this.clear();
    await this.wakeups.stop();
    await this.app.close();
    await this.db.close();
  }

  worker(provider: TelephonyProvider, options: Partial<DispatcherOptions> = {}, sessions?: CallSessions): Dispatcher {
    const { database } = this.db;
    const all = { ...OPTIONS, ...options };
    const providers = { for: () => provider, close: () => provider.close() };
    const worker = new Dispatcher(database, this.calls, providers, this.wakeups, LOG, all, sessions);
    this.workers.push(worker);
    return worker;
  }

  /** Stops the workers of a test and takes its calls away from the next one. */
  async clear(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
    this.workers = [];
    await this.db.database.query('delete from live_calls');
    await this.db.database.query(`update calls set status = 'cancelled', ended_at = now() where ended_at is null`);
  }

  /** A call in the line. */
  call(fields: object = {}): Promise<string> {
    return this.app.createCall(this.tenant, fields);
  }

  /** A call that a worker had taken out of the line when it died. Returns the dead worker's id. */
  async admittedByTheDead(): Promise<{ callId: string; owner: string }> {
    const callId = await this.call();
    const owner = newId();
    const request = { owner, environment: 'test', carrier: 'scripted', leaseMs: 60_000, limits: NO_LIMITS } as const;
    await admitCalls(this.db.database, { ...request, most: 1_000 });
    await this.expireLeases();
    return { callId, owner };
  }

  /** A call whose attempt had been claimed, and so far reported, by a worker when it died. */
  async claimedByTheDead(...reports: ('ReportRinging' | 'ReportAnswer')[]) {
    const { callId, owner } = await this.admittedByTheDead();
    const claim = newId();
    const at = new Date().toISOString();
    await this.calls.execute(callId, { type: 'DialCall', at, provider: 'scripted', claim }, {});
    for (const type of reports) await this.calls.execute(callId, { type, at, claim }, {});
    return { callId, owner, claim };
  }

  /** Puts all leases into the past, as time does when their holders are dead. */
  async expireLeases(): Promise<void> {
    await this.db.database.query(`update live_calls set lease_until = clock_timestamp() - interval '1 ms'`);
  }

  /** Who holds a call; undefined when nobody does. */
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

  /** The call once it has come to this status and nobody holds it any more. */
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
