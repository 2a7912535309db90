import { randomBytes } from 'node:crypto';
import { AgentsService } from '../../src/agents/agents.service.js';
import { ProviderAccountsService } from '../../src/provider-accounts/provider-accounts.service.js';
import { AnalysisSubscription } from '../../src/analysis/analysis.subscription.js';
import { AnalysisJobs } from '../../src/analysis/analysis-jobs.js';
import { Analyzer, type AnalyzerOptions } from '../../src/analysis/analyzer.js';
import { saveUsage, type Usage } from '../../src/calls/queries/call-usage.js';
import { CallCommands } from '../../src/calls/call-commands.js';
import { type Turn, saveTurn } from '../../src/calls/queries/call-turns.js';
import { type CallCommand } from '../../src/calls/call.js';
import { type RateCard } from '../../src/calls/cost.js';
import { CALLS_PROJECTION } from '../../src/calls/call-append.js';
import { EventStore } from '../../src/lib/event-store/event-store.js';
import { feedLag } from '../../src/lib/event-store/feed.js';
import { Subscription } from '../../src/lib/event-store/subscription.js';
import { createLog } from '../../src/lib/platform/log.js';
import { newId } from '../../src/lib/platform/ids.js';
import { OutboundHttp } from '../../src/lib/platform/http-client/outbound-http.js';
import { Notifications } from '../../src/lib/platform/database/notifications.js';
import { parseNetwork } from '../../src/lib/platform/http-client/network.js';
import { FakeVendors } from '../fakes/fake-vendors.js';
import { type LabRule } from '../fakes/chat.js';
import { type Json, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/process.js';

const LOG = createLog('silent');
/** The laboratory is on the loopback. */
const OUTBOUND = { allowNetworks: [parseNetwork('127.0.0.0/8')!], httpsOnly: false };
const OUTCOME = { sipCode: 200, responsible: 'agent', retryable: false, detail: null } as const;

export const RATES: RateCard = {
  currency: 'USD',
  telephonyPerMinute: 0.01,
  transcriptionPerMinute: 0.006,
  modelPerMillionInputTokens: 1,
  modelPerMillionOutputTokens: 10,
  speechPerMillionCharacters: 15,
};
export const NO_RATES: RateCard = {
  currency: undefined,
  telephonyPerMinute: undefined,
  transcriptionPerMinute: undefined,
  modelPerMillionInputTokens: undefined,
  modelPerMillionOutputTokens: undefined,
  speechPerMillionCharacters: undefined,
};

export interface Over {
  environment?: 'live' | 'test';
  /** Of the agent; the current one unless given. */
  agentVersion?: number;
  says?: readonly string[];
  usage?: readonly Usage[];
  latencies?: readonly number[];
  /** How the call ends; `connected` leaves it on the line. */
  ends?: 'completed' | 'failed' | 'connected';
  endedAt?: Date;
}

/** An API without workers, the laboratory as the model, and assessors one by one. */
export class AssessmentBench {
  readonly calls: CallCommands;
  readonly jobs: AnalysisJobs;
  private readonly wakeups: Notifications;
  private readonly subscription: Subscription;
  private assessors: Analyzer[] = [];

  private constructor(
    readonly db: TestDatabase,
    readonly app: TestApp,
    readonly lab: FakeVendors,
    private readonly tenants: Record<'live' | 'test', Tenant>,
  ) {
    this.calls = new CallCommands(new EventStore(db.database, CALLS_PROJECTION));
    this.jobs = new AnalysisJobs(db.database);
    this.wakeups = new Notifications(db.database, LOG, ['call_events', 'call_slots']);
    this.subscription = new Subscription(db.database, LOG, new AnalysisSubscription(this.jobs, 0));
  }

  static async open(rules: LabRule[]): Promise<AssessmentBench> {
    const db = await openTestDatabase();
    const app = await TestApp.start(db.url, { outbound: OUTBOUND, encryptionKey: randomBytes(32) });
    const test = await app.tenant();
    const live = { ...test, key: await app.key(test.organizationId, { environment: 'live' }) };
    return new AssessmentBench(db, app, await FakeVendors.start({ rules }), { test, live });
  }

  async close(): Promise<void> {
    await this.clear();
    await this.wakeups.stop();
    await this.app.close();
    await this.lab.close();
    await this.db.close();
  }

  async clear(): Promise<void> {
    await Promise.all(this.assessors.map((assessor) => assessor.stop()));
    this.assessors = [];
    this.lab.faults.clear();
    this.lab.requests.length = 0;
    await this.db.database.query('delete from call_assessments');
    await this.agent({ analysisSchema: null, prompt: null, providers: null });
    await this.db.database.query('delete from provider_accounts');
  }

  async agent(fields: object): Promise<void> {
    const { organizationId, agentId } = this.tenants.test;
    await this.app.nest.get(AgentsService, { strict: false }).update(organizationId, agentId, fields);
  }

  /** An account of the organization at the laboratory, which knows it by its key. @returns its id */
  async account(fields: { name?: string; kind?: 'openai' | 'deepgram'; apiKey?: string } = {}): Promise<string> {
    const { organizationId } = this.tenants.test;
    const account = { name: 'Theirs', kind: 'openai', baseUrl: this.lab.url, apiKey: 'theirs', ...fields } as const;
    return (await this.accounts.create(organizationId, account)).id;
  }

  removeAccount(id: string) {
    return this.db.database.query('delete from provider_accounts where id = $1', [id]);
  }

  agentNow() {
    const { organizationId, agentId } = this.tenants.test;
    return this.app.nest.get(AgentsService, { strict: false }).get(organizationId, agentId);
  }

  assessor(options: Partial<AnalyzerOptions> = {}, calls: Pick<CallCommands, 'execute' | 'stateOf'> = this.calls) {
    const model = { kind: 'openai', baseUrl: this.lab.url, model: 'lab' };
    const timeouts = { firstMs: 1_000, nextMs: 1_000 };
    const accounts: AnalyzerOptions['accounts'] = (...of) => this.accounts.accountsFor(...of);
    const { guard } = new OutboundHttp(OUTBOUND);
    const all = { model, accounts, guard, timeouts, rates: RATES, backoffMs: [0, 0], ...options };
    const agents = this.app.nest.get(AgentsService, { strict: false });
    const assessor = new Analyzer(this.db.database, calls, agents, LOG, all);
    this.assessors.push(assessor);
    return assessor;
  }

  /** A call that is over, with what was said in it. Nobody knows of it before `tell`. */
  async over({
    environment = 'test',
    agentVersion,
    says = [],
    usage = [],
    latencies = [],
    ends,
    endedAt,
  }: Over): Promise<string> {
    const id = await this.app.createCall(this.tenants[environment], { customerName: 'John' });
    const end = endedAt ?? new Date();
    const ago = (seconds: number) => new Date(end.getTime() - seconds * 1000).toISOString();
    const commands: CallCommand[] = [
      {
        type: 'DialCall',
        at: ago(70),
        provider: 'test',
        claim: newId(),
        ...(agentVersion && { agent: { agentVersion } }),
      },
      ...(ends === 'failed' ? [] : [{ type: 'ReportAnswer', at: ago(61) } as const]),
      ...(ends === 'connected'
        ? []
        : [{ type: 'EndCall', at: ago(0), disconnectionReason: 'agent_hangup', outcome: OUTCOME } as const]),
    ];
    for (const command of commands) await this.calls.execute(id, command, {});
    const { database } = this.db;
    for (const [i, text] of says.entries()) {
      const totalMs = latencies[i];
      const latency = totalMs === undefined ? null : { endpointingMs: totalMs / 2, totalMs };
      const turn: Turn = {
        speaker: i % 2 ? 'customer' : 'agent',
        text,
        startMs: i * 1000,
        endMs: i * 1000 + 900,
        latency,
      };
      await saveTurn(database, id, turn, this.wakeups);
    }
    for (const used of usage) await saveUsage(database, id, used);
    return id;
  }

  /** Has the feed read to its end, which transactions of other tests on the server may hold back for a while. */
  async tell(): Promise<void> {
    await eventually('the feed read', async () => {
      while ((await this.subscription.handleNext()) > 0);
      const lag = (await feedLag(this.db.database)).find(({ subscription }) => subscription === 'assess');
      return lag?.events === 0 ? true : undefined;
    });
  }

  /** Lets an assessor work until nothing is left to do. */
  async settled(assessor: Analyzer): Promise<void> {
    await assessor.round();
    await eventually('nothing left to assess', async () => ((await this.rows()).length === 0 ? true : undefined));
    await assessor.idle();
  }

  rows(): Promise<{ callId: string; attempts: number; isDue: boolean }[]> {
    return this.db.database.query(
      `select call_id as "callId", attempts, due_at <= clock_timestamp() as "isDue" from call_assessments`,
    );
  }

  /** As time does. */
  async expireLeases(): Promise<void> {
    await this.db.database.query(`update call_assessments set due_at = clock_timestamp() - interval '1 ms'`);
  }

  async get(id: string, environment: 'live' | 'test' = 'test'): Promise<Json> {
    return (await this.app.request('GET', `/v1/calls/${id}`, { key: this.tenants[environment].key })).body.data;
  }

  async list(): Promise<Json[]> {
    return (await this.app.request('GET', '/v1/calls?limit=100', { key: this.tenants.test.key })).body.data;
  }

  async timeline(id: string, environment: 'live' | 'test' = 'test'): Promise<{ type: string; data: Json }[]> {
    return (await this.app.request('GET', `/v1/calls/${id}/events`, { key: this.tenants[environment].key })).body.data;
  }

  async types(id: string): Promise<string[]> {
    return (await this.timeline(id)).map(({ type }) => type);
  }

  private get accounts(): ProviderAccountsService {
    return this.app.nest.get(ProviderAccountsService, { strict: false });
  }

  /** What the model was asked. */
  asked(): { system: string; user: Json }[] {
    return this.lab.requests.map(({ body }) => {
      const { messages } = JSON.parse(body.toString());
      return { system: messages[0].content, user: JSON.parse(messages[1].content) };
    });
  }
}
