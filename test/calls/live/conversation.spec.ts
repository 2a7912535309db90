import { Lab, type LabRule } from '../../lab/index.js';
import { find, joined, silence } from '../../support/audio.js';
import { type Json } from '../../support/app.js';
import { eventually } from '../../support/process.js';
import { Baresip, BARESIP_NUMBER, describeWithPeers, startKamailio, stopPeers } from '../../telephony/sip/peers.js';
import { LiveLab } from './live-lab.js';

const ALIKE = 0.99;
const GREETING = 'Hello John, this is Ada. Do you still come tomorrow?';
const WISH = 'Could we make it eleven instead please';
const ANSWER = 'Of course. I have moved it to eleven. Anything else?';
const FAREWELL = 'No that is all goodbye';
const GOODBYE = 'Thank you. Goodbye!';

const ASSESSMENT = { summary: 'John moved his appointment to eleven.', sentiment: 'positive', callSuccessful: true };
const RATES = { modelPerMillionInputTokens: 2, modelPerMillionOutputTokens: 8, speechPerMillionCharacters: 15 };

const RULES: LabRule[] = [
  { when: /eleven instead[^]*goodbye/i, say: JSON.stringify(ASSESSMENT) },
  { when: /eleven instead/, to: /You are Ada of Acme Corp/, say: ANSWER },
  { when: /goodbye/i, say: GOODBYE, calls: [{ name: 'end_call', arguments: {} }] },
];

afterAll(stopPeers);

describeWithPeers(['baresip', 'kamailio'], 'a conversation', () => {
  let providers: Lab;
  let lab: LiveLab;
  let phone: Baresip;

  beforeAll(async () => {
    providers = await Lab.start({ rules: RULES });
    const baseUrl = providers.url;
    const provider = { kind: 'openai', baseUrl, model: 'lab' };
    lab = await LiveLab.start({
      rates: { ...RATES, transcriptionPerMinute: 0.006, telephonyPerMinute: 0.01, currency: 'EUR' },
      providers: { transcription: provider, model: provider, speech: { ...provider, voice: 'ada' } },
    });
    const [wish, farewell] = await Promise.all([WISH, FAREWELL].map((text) => providers.voices.sayOnLine(text)));
    phone = await Baresip.start('', joined(silence(6), wish!, silence(8), farewell!, silence(20)));
  });

  afterAll(async () => {
    await lab.close();
    await providers.close();
  });

  it('is held, heard by both, told turn by turn, and ended by the agent', async () => {
    const carrier = await startKamailio({ answers: phone.sipPort });
    const caller = await lab.caller({
      target: carrier.target,
      carrier: { username: 'alice', password: 's3cret' },
      agent: {
        prompt: 'You are Ada of {{company}}.',
        firstMessage: 'Hello {{customerName}}, this is Ada. Do you still come tomorrow?',
      },
    });
    await lab.ask(caller, 'DELETE', `/v1/agents/${caller.agentId}/greeting-audio`);
    const id = await lab.app.createCall(caller, {
      toNumber: BARESIP_NUMBER,
      customerName: 'John',
      dynamicVariables: { company: 'Acme Corp' },
    });
    const call = await lab.ended(caller, id);
    const turns = await lab.ask(caller, 'GET', `/v1/calls/${id}/transcript`);
    expect(call).toMatchObject({
      status: 'completed',
      disconnectionReason: 'agent_hangup',
      outcome: { responsible: 'agent', retryable: false },
      transcript: turns
        .map(({ speaker, text }: Json) => `${speaker === 'agent' ? 'Agent' : 'Customer'}: ${text}`)
        .join('\n'),
    });
    expect(turns.map(({ speaker, text }: Json) => [speaker, text])).toEqual([
      ['agent', GREETING],
      ['customer', WISH],
      ['agent', ANSWER],
      ['customer', FAREWELL],
      ['agent', GOODBYE],
    ]);
    // Answers say how long each stage took; what was said of its own accord waited for nothing.
    expect(turns.map(({ latency }: Json) => latency !== null)).toEqual([false, false, true, false, true]);
    const told = await eventually('what it was about, and what it cost', async () => {
      const now = await lab.call(caller, id);
      return now.costs !== null && now.summary !== null ? now : undefined;
    });
    expect(told).toMatchObject(ASSESSMENT);
    expect(told.latency).toMatchObject({ answers: 2, totalMs: { p50: expect.any(Number), p95: expect.any(Number) } });
    expect(told.costs).toMatchObject({ currency: 'EUR', total: expect.any(Number) });
    expect(told.tokenCost).toBeGreaterThan(0);
    const { heard } = await phone.recording();
    for (const text of [GREETING, ANSWER, GOODBYE])
      expect(find(await providers.voices.sayOnLine(text), heard).correlation).toBeGreaterThanOrEqual(ALIKE);
  });
});
