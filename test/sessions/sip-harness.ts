import { parseWav } from '../../src/lib/audio/wav.js';
import { type Config, loadConfig } from '../../src/config/config.js';
import { type SipTarget, type SipTimers } from '../../src/lib/sip/sip-types.js';
import { type Json, type Tenant, TestApp } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually, temporaryFolder } from '../support/process.js';
import { pcmBytes, wavFile } from '../support/wav.js';

const DEADLINE_MS = 40_000;

export type SipHarnessSettings = Partial<Omit<Config, 'sip'>> & {
  sip?: Partial<Config['sip']> & { timers?: Partial<SipTimers> };
};

export interface Line {
  target: SipTarget;
  /** Fields of `POST /v1/carriers`. */
  carrier?: object;
  /** Fields of `PATCH /v1/agents/{id}`. */
  agent?: object;
  /** Audio of the agent. */
  greeting?: Int16Array;
}

/** An organization whose number belongs to a carrier. */
export interface TestCaller extends Tenant {
  carrierId: string;
}

/** The whole application with live calls, observed through its API. */
export class SipHarness {
  private constructor(
    readonly app: TestApp,
    readonly db: TestDatabase,
    private readonly data: ReturnType<typeof temporaryFolder>,
  ) {}

  /** @param name of its database, for several at the same time */
  static async start({ sip: sipSettings, ...settings }: SipHarnessSettings = {}, name?: string): Promise<SipHarness> {
    const data = temporaryFolder();
    const db = await openTestDatabase(name);
    const sip = { ...loadConfig({}, '/dev/null').sip, mediaTimeoutMs: 60_000, ...sipSettings };
    const app = await TestApp.start(db.url, { roles: ['api', 'worker'], dataDir: data.path, sip, ...settings });
    return new SipHarness(app, db, data);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.db.close();
    this.data.remove();
  }

  async caller({ target, carrier, agent, greeting = new Int16Array(800) }: Line): Promise<TestCaller> {
    const tenant = await this.app.tenant('live');
    const { key, agentId } = tenant;
    const { host, port, transport } = target;
    const targets = [{ host, port, transport }];
    const added = await this.request(tenant, 'POST', '/v1/carriers', { name: 'Test carrier', targets, ...carrier });
    const [{ id }] = await this.request(tenant, 'GET', '/v1/phone-numbers');
    await this.request(tenant, 'PATCH', `/v1/phone-numbers/${id}`, { carrierId: added.id });
    await this.request(tenant, 'PATCH', `/v1/agents/${agentId}`, { listenSeconds: 60, ...agent });
    const uploaded = await fetch(`${this.app.url}/v1/agents/${agentId}/greeting-audio`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'audio/wav' },
      body: wavFile(pcmBytes(greeting)),
    });
    expect(uploaded.status).toBe(200);
    return { ...tenant, carrierId: added.id };
  }

  /** @returns the data of a successful reply */
  async request({ key }: Pick<Tenant, 'key'>, method: string, path: string, body?: unknown): Promise<Json> {
    const answer = await this.app.request(method, path, { key, ...(body === undefined ? {} : { body }) });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.body.data;
  }

  /** @returns the id of a queued call */
  dial(caller: TestCaller, toNumber: string): Promise<string> {
    return this.app.createCall(caller, { toNumber });
  }

  call(caller: TestCaller, id: string): Promise<Json> {
    return this.request(caller, 'GET', `/v1/calls/${id}`);
  }

  /** The events of a call, oldest first. */
  events(caller: TestCaller, id: string): Promise<Json[]> {
    return this.request(caller, 'GET', `/v1/calls/${id}/events`);
  }

  /** Resolves with the call's first event of a type. */
  until(caller: TestCaller, id: string, type: string): Promise<Json> {
    return eventually(
      type,
      async () => (await this.events(caller, id)).find((event) => event.type === type),
      DEADLINE_MS,
    );
  }

  /** Resolves with the call after its end and, for an answered call, after its measurement. */
  async ended(caller: TestCaller, id: string): Promise<Json> {
    await this.until(caller, id, 'call.ended');
    const types = (await this.events(caller, id)).map(({ type }) => type);
    if (types.includes('call.started')) await this.until(caller, id, 'call.measured');
    return this.call(caller, id);
  }

  /** @returns how a call to a number ends */
  async outcomeOf(caller: TestCaller, toNumber: string): Promise<Json> {
    const id = await this.dial(caller, toNumber);
    return this.ended(caller, id);
  }

  /** Downloads a recording by its URL. */
  async play(recording: string): Promise<{ customer: Int16Array; agent: Int16Array }> {
    const response = await fetch(recording);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'audio/wav']);
    const { sampleRate, channels } = parseWav(Buffer.from(await response.arrayBuffer()));
    expect([sampleRate, channels.length]).toEqual([8_000, 2]);
    const [customer, agent] = channels;
    return { customer, agent: agent ?? new Int16Array() };
  }
}
