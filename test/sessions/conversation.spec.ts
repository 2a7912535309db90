import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { FakeVendors } from '../fakes/fake-vendors.js';
import { type LabRule } from '../fakes/chat.js';
import { find, joined, silence } from '../support/audio.js';
import { type Json } from '../support/app.js';
import { eventually } from '../support/process.js';
import { Baresip, BARESIP_NUMBER, describeWithPeers, startKamailio, stopPeers } from '../peers/peers.js';
import { type TestCaller, SipHarness } from './sip-harness.js';

const ALIKE = 0.99;
/** Undefined for missing words. */
const UNLIKE = 0.8;
const GREETING = 'Hello John Doe, this is Ada. Do you still come tomorrow?';
const WISH = 'Could we make it eleven instead please';
const ANSWER =
  'I can move it to eleven and then you would meet doctor Miller who usually works in our other house across the river';
const INTERRUPTION = 'Oh no then better make it twelve';
const SECOND_ANSWER = 'Of course. I have moved it to twelve. Anything else?';
const FAREWELL = 'No that is all goodbye';
const GOODBYE = 'Thank you. Goodbye!';

const ASSESSMENT = { summary: 'John moved his appointment to twelve.', sentiment: 'positive', callSuccessful: true };
const RATES = { modelPerMillionInputTokens: 2, modelPerMillionOutputTokens: 8, speechPerMillionCharacters: 15 };

const RULES: LabRule[] = [
  { when: /eleven instead[^]*goodbye/i, say: JSON.stringify(ASSESSMENT) },
  { when: /make it twelve/, say: SECOND_ANSWER },
  { when: /eleven instead/, to: /You are Ada of Acme/, say: ANSWER },
  { when: /goodbye/i, say: GOODBYE, calls: [{ name: 'end_call', arguments: {} }] },
];

/** In any order. */
const AFTERWARDS = ['call.analyzed', 'call.costed', 'call.measured', 'call.recorded'];

/** Results of a conversation. */
interface ConversationResult {
  call: Json;
  turns: Json[];
  /** Types of its events, each once. */
  types: string[];
  /** The model's request after the interruption. */
  messages: { role: string; content: string }[];
  /** Audio of the phone, and of the recording. */
  sound: { phone: Int16Array; agent: Int16Array; customer: Int16Array };
}

/** The recording around a turn. */
const around = ({ startMs, endMs }: Json, recording: Int16Array): Int16Array =>
  recording.subarray(Math.max(0, startMs - 300) * 8, ((endMs as number) + 1_000) * 8);

afterAll(stopPeers);

const WAYS = ['UDP', 'TLS and SRTP'] as const;
const PEERS = ['curl', 'baresip', 'kamailio', 'kamailio-tls-modules', 'openssl'] as const;

describeWithPeers(PEERS, 'a conversation through a carrier', () => {
  let providers: FakeVendors;
  let harness: SipHarness;
  const conversations = new Map<string, Promise<ConversationResult>>();

  beforeAll(async () => {
    providers = await FakeVendors.start({ rules: RULES });
    const provider = { kind: 'openai', baseUrl: providers.url, model: 'lab' };
    harness = await SipHarness.start({
      rates: { ...RATES, transcriptionPerMinute: 0.006, telephonyPerMinute: 0.01, currency: 'EUR' },
      providers: { transcription: provider, model: provider, speech: { ...provider, voice: 'ada' } },
    });
    // Concurrent: each lasts as long as its words.
    for (const how of WAYS) conversations.set(how, hold(how));
    await Promise.all(conversations.values());
  });

  afterAll(async () => {
    await harness.close();
    await providers.close();
  });

  async function hold(how: (typeof WAYS)[number]): Promise<ConversationResult> {
    const isSecret = how !== 'UDP';
    const [wish, interruption, farewell] = await Promise.all(
      [WISH, INTERRUPTION, FAREWELL].map((text) => providers.voices.sayOnLine(text)),
    );
    const words = joined(silence(6), wish!, silence(4), interruption!, silence(8), farewell!, silence(20));
    const phone = await Baresip.start(isSecret ? ';mediaenc=srtp-mand' : '', words);
    const { target } = await startKamailio({ answers: phone.sipPort, tls: isSecret });
    const login = { username: 'alice', password: 's3cret' };
    const caller = await harness.caller({
      target,
      carrier: isSecret ? { ...login, srtp: 'required', verifyTls: false } : login,
      agent: {
        prompt: 'You are Ada of {{company}}.',
        firstMessage: 'Hello {{customerName}}, this is Ada. Do you still come tomorrow?',
        onMachine: 'carry_on',
      },
    });
    await harness.request(caller, 'DELETE', `/v1/agents/${caller.agentId}/greeting-audio`);
    const company = `Acme ${how}`;
    const id = await createAsDocumented(harness.app.url, caller, company);
    await harness.ended(caller, id);
    const call = await eventually('what it was about, what it cost and how it sounded', async () => {
      const now = await harness.call(caller, id);
      return now.costs !== null && now.summary !== null && now.recording !== null ? now : undefined;
    });
    return {
      call,
      turns: await harness.request(caller, 'GET', `/v1/calls/${id}/transcript`),
      types: [...new Set<string>((await harness.events(caller, id)).map(({ type }) => type))],
      messages: messagesAfter(INTERRUPTION, company),
      sound: { ...(await harness.play(call.recording)), phone: (await phone.recording()).heard },
    };
  }

  function messagesAfter(text: string, company: string): ConversationResult['messages'] {
    const requests = providers.requests.filter(({ stage }) => stage === 'chat');
    const all = requests.map(({ body }): ConversationResult['messages'] => JSON.parse(body.toString()).messages);
    const found = all.find((messages) => messages[0]?.content.includes(company) && messages.at(-1)?.content === text);
    return found ?? [];
  }

  describe.each(WAYS)('over %s', (how) => {
    let call: Json;
    let turns: Json[];
    let result: ConversationResult;
    let heardOfAnswer: string;

    beforeAll(async () => {
      result = await conversations.get(how)!;
      ({ call, turns } = result);
      heardOfAnswer = turns[2]?.text;
    });

    it('has its turns, an interrupted one up to the interruption', () => {
      expect(turns.map(({ speaker, text, interrupted }: Json) => [speaker, text, interrupted])).toEqual([
        ['agent', GREETING, false],
        ['customer', WISH, false],
        ['agent', expect.any(String), true],
        ['customer', INTERRUPTION, false],
        ['agent', SECOND_ANSWER, false],
        ['customer', FAREWELL, false],
        ['agent', GOODBYE, false],
      ]);
      expect(heardOfAnswer).not.toBe(ANSWER);
      expect(ANSWER.startsWith(heardOfAnswer)).toBe(true);
    });

    it('continues from the played text: the model does not get the rest', () => {
      expect(result.messages).toEqual([
        { role: 'system', content: `You are Ada of Acme ${how}.` },
        { role: 'assistant', content: GREETING },
        { role: 'user', content: WISH },
        { role: 'assistant', content: heardOfAnswer },
        { role: 'user', content: INTERRUPTION },
      ]);
    });

    it('ends by the agent, with all fields', () => {
      expect(call).toMatchObject({
        status: 'completed',
        disconnectionReason: 'agent_hangup',
        outcome: { responsible: 'agent', retryable: false },
        transcript: turns
          .map(({ speaker, text }: Json) => `${speaker === 'agent' ? 'Agent' : 'Customer'}: ${text}`)
          .join('\n'),
        ...ASSESSMENT,
        latency: { answers: 3, totalMs: { p50: expect.any(Number), p95: expect.any(Number) } },
        costs: { currency: 'EUR', total: expect.any(Number) },
      });
      expect(call.tokenCost).toBeGreaterThan(0);
      // Answers have latencies; other turns of the agent do not.
      expect(turns.map(({ latency }: Json) => latency !== null)).toEqual([
        ...[false, false, true],
        ...[false, true, false, true],
      ]);
    });

    it('has the same audio as its turns, on the phone and in the recording', async () => {
      const { phone, agent, customer } = result.sound;
      const [greeting, wish, interrupted, interruption, second, farewell, goodbye] = turns;
      const answer = await providers.voices.sayOnLine(ANSWER);
      const begun = answer.subarray(0, 6_000);
      for (const recording of [phone, agent]) {
        for (const turn of [greeting, second, goodbye])
          expect(likenessOf(await providers.voices.sayOnLine(turn.text), turn, recording)).toBeGreaterThan(ALIKE);
        expect(likenessOf(begun, interrupted, recording)).toBeGreaterThan(ALIKE);
        expect(likenessOf(answer.subarray(-6_000), interrupted, recording)).toBeLessThan(UNLIKE);
      }
      for (const turn of [wish, interruption, farewell])
        expect(likenessOf(await providers.voices.sayOnLine(turn.text), turn, customer)).toBeGreaterThan(ALIKE);
    });

    it('has a transcript in order', () => {
      const ended = result.types.indexOf('call.ended');
      expect(result.types.slice(0, ended + 1)).toEqual([
        'call.queued',
        'call.screened',
        'call.dialing',
        'call.ringing',
        'call.started',
        'call.answered_by',
        'call.tool_used',
        'call.ended',
      ]);
      expect(result.types.slice(ended + 1).sort()).toEqual(AFTERWARDS);
    });
  });
});

/** Runs the curl of the README with server, agent, number and company replaced. @returns the id of the call */
async function createAsDocumented(url: string, { key, agentId }: TestCaller, company: string): Promise<string> {
  const [documented] = /^curl -X POST \S+\/v1\/calls \\$[^]*?}'$/m.exec(readFileSync('README.md', 'utf8')) ?? [''];
  const command = documented
    .replace(/http:\S+(?=\/v1\/calls)/, url)
    .replace(/(?<="agentId": ")[^"]+/, agentId)
    .replace(/(?<="toNumber": ")[^"]+/, BARESIP_NUMBER)
    .replace('Acme Corp', company);
  const { stdout } = await promisify(execFile)('sh', ['-c', command], { env: { ...process.env, KEY: key } });
  const answer = JSON.parse(stdout) as { data: { id: string; status: string } };
  expect(answer.data.status).toBe('queued');
  return answer.data.id;
}

const likenessOf = (sound: Int16Array, turn: Json, recording: Int16Array): number =>
  find(sound, around(turn, recording)).correlation;
