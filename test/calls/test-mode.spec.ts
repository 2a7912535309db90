import { type Json, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually, temporaryFolder } from '../support/process.js';

const PERSON = '+15550000001';
const MACHINE = '+15550000006';
const INTERRUPTS = '+15550000015';
const SILENT = '+15550000016';
const ASKS_FOR_A_PERSON = '+15550000017';
const DEADLINE_MS = 60_000;

describe('test mode, from the API to the end of the conversation', () => {
  const data = temporaryFolder();
  let db: TestDatabase;
  let app: TestApp;
  let tenant: Tenant;

  beforeAll(async () => {
    db = await openTestDatabase();
    // The highest speed with audio.
    app = await TestApp.start(db.url, { roles: ['api', 'worker'], dataDir: data.path, simulatorSpeed: 20 });
    tenant = await app.tenant('test');
  });

  afterAll(async () => {
    await app.close();
    await db.close();
    data.remove();
  });

  const ask = async (method: string, path: string, body?: unknown): Promise<Json> => {
    const answer = await app.request(method, path, { key: tenant.key, ...(body === undefined ? {} : { body }) });
    expect([method, path, answer.status < 300 ? 'done' : answer.text]).toEqual([method, path, 'done']);
    return answer.body.data;
  };

  const callTo = async (toNumber: string, agent: object = {}) => {
    const usual = {
      prompt: 'You are Ada of {{company}}. You call about: {{purpose}}.',
      firstMessage: 'Hello {{customerName}}, this is {{company}}.',
      ...{ tools: null, silence: { afterSeconds: 2, times: 1 }, onMachine: 'carry_on', voicemailMessage: null },
    };
    await ask('PATCH', `/v1/agents/${tenant.agentId}`, { ...usual, ...agent });
    const id = await app.createCall(tenant, {
      toNumber,
      customerName: 'John',
      dynamicVariables: { company: 'Acme Corp', purpose: 'Follow-up on quote' },
    });
    const call = await eventually(
      'its end',
      async () => {
        const now = await ask('GET', `/v1/calls/${id}`);
        return now.endedAt === null ? undefined : now;
      },
      DEADLINE_MS,
    );
    return {
      call,
      turns: (await ask('GET', `/v1/calls/${id}/transcript`)) as Json[],
      events: (await ask('GET', `/v1/calls/${id}/events`)) as Json[],
    };
  };
  const typesOf = (events: Json[]): string[] => events.map(({ type }) => type);

  it('uses the same engine: greeting, answers with latencies, tools and the version of the agent', async () => {
    const { call, turns, events } = await callTo(PERSON);
    expect(call).toMatchObject({ status: 'completed', disconnectionReason: 'agent_hangup', agentVersion: 2 });
    expect(call.transcript).toBe(
      turns.map(({ speaker, text }) => `${speaker === 'agent' ? 'Agent' : 'Customer'}: ${text}`).join('\n'),
    );
    expect(turns.map(({ text }) => text)).toEqual([
      'Hello John, this is Acme Corp.',
      'Hello! What is this about?',
      'I am calling about: Follow-up on quote. Do you have a minute?',
      'Yes. Could you send me the details by email?',
      'Gladly, you will have them today. Shall we call you again next week?',
      'Yes, please. Tuesday morning is best.',
      'Great, I have noted that. Is there anything else?',
      'No, that is all. Thank you, goodbye!',
      'Thank you for your time. Goodbye!',
    ]);
    expect(turns.filter(({ latency }) => latency !== null)).toHaveLength(4);
    expect(call.latency).toMatchObject({ answers: 4 });
    expect(typesOf(events)).toEqual([
      ...['call.queued', 'call.dialing', 'call.ringing', 'call.started', 'call.tool_used', 'call.ended'],
    ]);
    expect(events.find(({ type }) => type === 'call.dialing')?.data).toMatchObject({ agentVersion: 2 });
    // Without an analysis these stay null, and built-in providers are free.
    expect(call).toMatchObject({ summary: null, sentiment: null, tokenCost: null });
    // In real time, not in that of the faster line.
    expect(turns.at(-1)?.endMs).toBeLessThanOrEqual(Number(call.duration) * 1000 + 1_000);
  });

  it('shows an interruption of the agent', async () => {
    const { turns } = await callTo(INTERRUPTS);
    expect(turns.filter(({ interrupted }) => interrupted)).toMatchObject([{ speaker: 'agent' }]);
  });

  it('ends a call with a silent customer', async () => {
    const { call, turns } = await callTo(SILENT, { silence: { afterSeconds: 2, times: 1, prompt: 'Hello?' } });
    expect(call.disconnectionReason).toBe('inactivity');
    expect(turns.map(({ text }) => text)).toEqual(['Hello John, this is Acme Corp.', 'Hello?']);
  });

  it('transfers to a person', async () => {
    const tools = [{ type: 'transfer_call', targets: [{ number: PERSON, description: 'A colleague' }] }];
    const { call, events } = await callTo(ASKS_FOR_A_PERSON, { tools });
    expect(call.disconnectionReason).toBe('call_transfer');
    expect(typesOf(events).slice(-3)).toEqual(
      expect.arrayContaining(['call.transferred', 'call.tool_used', 'call.ended']),
    );
    expect(typesOf(events).at(-1)).toBe('call.ended');
    expect(events.find(({ type }) => type === 'call.transferred')?.data).toMatchObject({ to: PERSON, mode: 'bridge' });
  });

  it('leaves a message on an answering machine', async () => {
    const machine = { onMachine: 'leave_message', voicemailMessage: 'Please call {{company}} back.' };
    const { call, events } = await callTo(MACHINE, machine);
    expect(call).toMatchObject({
      disconnectionReason: 'voicemail_reached',
      outcome: { detail: 'A message was left after the beep' },
      answeredBy: { by: 'machine' },
    });
    expect(typesOf(events)).toContain('call.answered_by');
  });
});
