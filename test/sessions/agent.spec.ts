import { join } from 'node:path';
import { parseNetwork } from '../../src/lib/platform/http-client/network.js';
import { type Fault } from '../fakes/faults.js';
import { FakeVendors, type LabRequest } from '../fakes/fake-vendors.js';
import { type LabRule } from '../fakes/chat.js';
import { type Json } from '../support/app.js';
import { HttpDouble } from '../support/http-double.js';
import { eventually, temporaryFolder } from '../support/process.js';
import { startNumbers } from '../lib/sip/numbers-phone.js';
import { describeWithPeers, type Phone, stopPeers } from '../peers/peers.js';
import { type TestCaller, SipHarness } from './sip-harness.js';

/** Answers at once and stays on the line (lab/sipp/numbers.xml). */
const PHONE = '+15550000015';
const PROMPT = 'You are Ada of {{company}}, and call {{nickname}}.';
const GOODBYE = 'Thank you. Goodbye!';
const ORDER_TOOL = {
  type: 'http',
  name: 'order_status',
  description: 'Tells where an order is',
  parameters: { type: 'object', properties: { order: { type: 'integer' } }, required: ['order'] },
  headers: { 'x-shop': 'north' },
  secretHeaders: { authorization: 'Bearer s3cret' },
};

/** The agent speaks first: the last message of a request is the prompt, then the result of a tool. */
const RULES: LabRule[] = [
  { when: /^You are Ada/, to: /ORDER/, calls: [{ name: 'order_status', arguments: { order: 7, more: 'left out' } }] },
  {
    when: /^You are Ada/,
    to: /HOURS/,
    calls: [{ name: 'search_knowledge', arguments: { query: 'when are you open on Sunday' } }],
  },
  {
    when: /^You are Ada/,
    to: /KEYS/,
    say: 'One moment.',
    calls: [{ name: 'send_dtmf', arguments: { digits: '12#' } }],
  },
  {
    when: /^You are Ada/,
    to: /MESSAGE/,
    calls: [{ name: 'leave_voicemail', arguments: { message: 'Please call back.' } }],
  },
  { when: /^You are Ada/, to: /DESK/, calls: [{ name: 'transfer_call', arguments: { to: '+19005550000' } }] },
  { when: /^You are Ada/, say: GOODBYE, calls: [{ name: 'end_call', arguments: {} }] },
  { when: /\[1\] Opening hours/, say: 'On Sunday from ten. Goodbye!', calls: [{ name: 'end_call', arguments: {} }] },
  { when: /./, say: GOODBYE, calls: [{ name: 'end_call', arguments: {} }] },
];

const logs = temporaryFolder();

afterAll(async () => {
  await stopPeers();
  logs.remove();
});

describeWithPeers(['sipp'], 'an agent on the line', () => {
  let providers: FakeVendors;
  let shop: HttpDouble;
  let harness: SipHarness;
  let phone: Phone;
  let caller: TestCaller;
  let failsNext = false;

  beforeAll(async () => {
    // Analyses of ended calls, which have no tools, do not count.
    const faultOf = ({ stage, body }: LabRequest): Fault | undefined => {
      if (!failsNext || stage !== 'chat' || !body.includes('"tools"')) return undefined;
      failsNext = false;
      return { kind: 'status', status: 500 };
    };
    providers = await FakeVendors.start({ rules: RULES, recognizes: false, faultOf });
    shop = await HttpDouble.start();
    const provider = { kind: 'openai', baseUrl: providers.url, model: 'lab' };
    harness = await SipHarness.start({
      providers: { transcription: provider, model: provider, speech: { ...provider, voice: 'ada' } },
      outbound: { allowNetworks: [parseNetwork('127.0.0.0/8')!], httpsOnly: false },
    });
    phone = await startNumbers('udp', join(logs.path, 'numbers.log'));
    caller = await harness.caller({ target: phone.target });
    await harness.request(caller, 'DELETE', `/v1/agents/${caller.agentId}/greeting-audio`);
  });

  afterAll(async () => {
    await harness.close();
    await shop.close();
    await providers.close();
  });

  beforeEach(() => {
    shop.asked.length = 0;
    shop.answer = (_, response) => response.end('{"status":"sent on Monday"}');
    providers.requests.length = 0;
    providers.faults.clear();
  });

  /** @returns the call after its end, and its events */
  const callWith = async (
    agent: object,
    call: object = {},
  ): Promise<{ call: Json; events: Json[]; of: (type: string) => Json[] }> => {
    const usual = {
      prompt: PROMPT,
      firstMessage: null,
      tools: null,
      providers: null,
      model: null,
      knowledgeBaseIds: [],
    };
    await harness.request(caller, 'PATCH', `/v1/agents/${caller.agentId}`, { ...usual, ...agent });
    const id = await harness.app.createCall(caller, {
      toNumber: PHONE,
      dynamicVariables: { company: 'Acme' },
      ...call,
    });
    const ended = await harness.ended(caller, id);
    const events = await harness.events(caller, id);
    return { call: ended, events, of: (type) => events.filter((event) => event.type === type).map(({ data }) => data) };
  };
  /** The model's requests in conversations. Analyses of ended calls, without tools, do not count. */
  const thought = (): Json[] =>
    providers.requests
      .filter(({ stage }) => stage === 'chat')
      .map(({ headers, body }) => ({ headers, body: JSON.parse(body.toString()) }))
      .filter(({ body }) => body.tools?.length > 0);

  it('lists missing variables and its version in the timeline, and speaks without them', async () => {
    const before = await harness.request(caller, 'GET', `/v1/agents/${caller.agentId}`);
    const { call, of } = await callWith({ temperature: 0.3, model: 'large' });
    expect(of('call.dialing')).toMatchObject([
      { missingVariables: ['nickname'], agentVersion: Number(before.version) + 1 },
    ]);
    expect(call).toMatchObject({
      agentVersion: Number(before.version) + 1,
      disconnectionReason: 'agent_hangup',
      transcript: `Agent: ${GOODBYE}`,
    });
    const [{ body } = { body: {} }] = thought();
    expect(body).toMatchObject({
      model: 'large',
      temperature: 0.3,
      messages: [{ role: 'system', content: 'You are Ada of Acme, and call .' }],
    });
    // The agent has changed since; its version has not.
    await harness.request(caller, 'PATCH', `/v1/agents/${caller.agentId}`, { temperature: 1 });
    const { configuration } = await harness.request(
      caller,
      'GET',
      `/v1/agents/${caller.agentId}/versions/${call.agentVersion}`,
    );
    expect(configuration).toMatchObject({ temperature: 0.3, model: 'large', prompt: PROMPT });
    await harness.request(caller, 'PATCH', `/v1/agents/${caller.agentId}`, { temperature: null });
  });

  it("uses the organization's tool with its secret, which no reply shows, and speaks its result", async () => {
    const { call, of } = await callWith({
      prompt: `${PROMPT} ORDER`,
      tools: [{ ...ORDER_TOOL, url: `${shop.url}/orders` }, { type: 'end_call' }],
    });
    expect(shop.asked).toHaveLength(1);
    const [{ method, path, headers, body }] = shop.asked as [HttpDouble['asked'][0]];
    expect([method, path, JSON.parse(body.toString())]).toEqual(['POST', '/orders', { order: 7 }]);
    expect(headers).toMatchObject({
      authorization: 'Bearer s3cret',
      'x-shop': 'north',
      'x-outdial-call-id': call.id,
      'idempotency-key': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(of('call.tool_used')).toMatchObject([
      {
        number: 1,
        name: 'order_status',
        arguments: { order: 7 },
        result: '{"status":"sent on Monday"}',
        error: null,
        durationMs: expect.any(Number),
      },
      { number: 2, name: 'end_call' },
    ]);
    expect(thought().at(-1)?.body.messages.at(-1)).toMatchObject({
      role: 'tool',
      content: '{"status":"sent on Monday"}',
    });
    const shown = JSON.stringify([
      await harness.events(caller, call.id),
      await harness.request(caller, 'GET', `/v1/agents/${caller.agentId}`),
    ]);
    expect(shown).not.toContain('s3cret');
    expect(call.disconnectionReason).toBe('agent_hangup');
  });

  it.each([
    [
      'refuses',
      (_: unknown, response: { writeHead: (status: number) => { end: (text: string) => void } }) => {
        response.writeHead(500).end('out of order');
      },
      /^The server answered 500: out of order$/,
    ],
    ['never answers', () => undefined, /^No answer within 0\.5 seconds$/],
  ])('continues when a tool %s: the model gets the error', async (_, answer, error) => {
    shop.answer = answer;
    const { call, of } = await callWith({
      prompt: `${PROMPT} ORDER`,
      tools: [{ ...ORDER_TOOL, url: `${shop.url}/orders`, timeoutMs: 500 }, { type: 'end_call' }],
    });
    expect(of('call.tool_used')[0]).toMatchObject({
      name: 'order_status',
      result: null,
      error: expect.stringMatching(error),
    });
    expect(call).toMatchObject({ disconnectionReason: 'agent_hangup', transcript: `Agent: ${GOODBYE}` });
  });

  describe('with a knowledge base', () => {
    let knowledgeBaseIds: string[];

    beforeAll(async () => {
      const { id } = await harness.request(caller, 'POST', '/v1/knowledge-bases', { name: 'Museum' });
      knowledgeBaseIds = [id];
      const uploaded = await fetch(`${harness.app.url}/v1/knowledge-bases/${id}/documents?name=Opening%20hours`, {
        method: 'POST',
        headers: { authorization: `Bearer ${caller.key}`, 'content-type': 'text/plain' },
        body: 'We are open on Sunday from ten to six. On Monday the museum is closed.',
      });
      expect(uploaded.status).toBe(201);
    });

    const offered = () => thought()[0]?.body.tools.map((tool: Json) => tool.function.name);

    it('searches it, and gets the sources', async () => {
      const { call, of } = await callWith({ prompt: `${PROMPT} HOURS`, knowledgeBaseIds });
      const [use] = of('call.tool_used');
      expect(use).toMatchObject({ name: 'search_knowledge', error: null });
      expect(use?.result).toMatch(/\[1\] Opening hours[^]*open on Sunday from ten/);
      expect(call.transcript).toBe('Agent: On Sunday from ten. Goodbye!');
    });

    it('does not search in a call with disableKnowledgeBases', async () => {
      await callWith({ knowledgeBaseIds });
      expect(offered()).toContain('search_knowledge');
      providers.requests.length = 0;
      await callWith({ knowledgeBaseIds }, { disableKnowledgeBases: true });
      expect(offered()).toEqual(['end_call', 'send_dtmf']);
    });
  });

  it('sends DTMF after its speech was played', async () => {
    const { of } = await callWith({ prompt: `${PROMPT} KEYS` });
    expect(of('call.tool_used')[0]).toMatchObject({
      name: 'send_dtmf',
      arguments: { digits: '12#' },
      result: 'Pressed 12#.',
    });
  });

  it('leaves a voicemail message and ends', async () => {
    const { call } = await callWith({ prompt: `${PROMPT} MESSAGE`, tools: [{ type: 'leave_voicemail' }] });
    expect(call).toMatchObject({ disconnectionReason: 'voicemail_reached', transcript: 'Agent: Please call back.' });
  });

  it('does not transfer to a number that the dialling policy refuses', async () => {
    const targets = [{ number: '+19005550000', description: 'An expensive desk' }];
    const { call, of } = await callWith({
      prompt: `${PROMPT} DESK`,
      tools: [{ type: 'transfer_call', targets }, { type: 'end_call' }],
    });
    expect(of('call.tool_used')[0]).toMatchObject({
      name: 'transfer_call',
      result: expect.stringMatching(/^Not connected: .*premium/i),
    });
    expect(of('call.transferred')).toEqual([]);
    expect(call.disconnectionReason).toBe('agent_hangup');
  });

  it("uses the model of the organization's account, and the fallback after a failure; the timeline has both", async () => {
    const account = await harness.request(caller, 'POST', '/v1/providers', {
      name: 'Ours',
      kind: 'openai',
      baseUrl: providers.faulty('401'),
      apiKey: 'sk-ours',
    });
    const spare = await harness.request(caller, 'POST', '/v1/providers', {
      name: 'Spare',
      kind: 'openai',
      baseUrl: providers.url,
      apiKey: 'sk-spare',
    });
    const model = { providerId: account.id, model: 'big', fallback: { providerId: spare.id, model: 'small' } };
    const { call, of } = await callWith({ providers: { model } });
    expect(of('call.provider_failed')).toMatchObject([
      {
        number: 1,
        stage: 'model',
        provider: 'openai/big',
        fault: 'denied',
        then: { action: 'fallback', provider: 'openai/small' },
      },
    ]);
    expect(thought().map(({ headers }) => headers.authorization)).toEqual(['Bearer sk-ours', 'Bearer sk-spare']);
    expect(call).toMatchObject({ disconnectionReason: 'agent_hangup', transcript: `Agent: ${GOODBYE}` });
  });

  it('retries a provider, and the timeline has all events in order', async () => {
    failsNext = true;
    const { events } = await callWith({});
    // Their order is not fixed.
    const free = ['call.ringing', 'call.answered_by', 'call.measured', 'call.recorded'];
    expect(events.map(({ type }) => type as string).filter((type) => !free.includes(type))).toEqual([
      ...['call.queued', 'call.screened', 'call.dialing', 'call.started', 'call.provider_failed', 'call.tool_used'],
      'call.ended',
    ]);
    expect(events.find(({ type }) => type === 'call.provider_failed')?.data).toMatchObject({
      then: { action: 'retry' },
    });
  });

  it('does not dial with an invalid template', async () => {
    await harness.db.database.query(`update agents set first_message = 'Hello {{name' where id = $1`, [caller.agentId]);
    const id = await harness.app.createCall(caller, { toNumber: PHONE });
    expect(await harness.ended(caller, id)).toMatchObject({
      status: 'failed',
      disconnectionReason: 'dial_failed',
      outcome: { detail: expect.stringMatching(/^A template of the agent cannot be filled in: /), retryable: false },
    });
    await eventually('no phone rang', async () =>
      (await harness.events(caller, id)).some(({ type }) => type === 'call.dialing') ? undefined : true,
    );
  });
});
