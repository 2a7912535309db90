import { type Usage } from '../../src/calls/queries/call-usage.js';
import { AssessmentBench, NO_RATES, RATES } from './analysis-harness.js';

const SAYS = ['Shall we say eleven?', 'Eleven is fine.'];
const FOUND = { summary: 'Said little.', sentiment: null, callSuccessful: null, analysis: null };
const USAGE: Usage[] = [
  { stage: 'transcription', provider: 'openai/whisper', seconds: 12.5 },
  { stage: 'transcription', provider: 'openai/whisper', seconds: 17.5 },
  { stage: 'model', provider: 'openai/gpt', inputTokens: 1_000, outputTokens: 40 },
  { stage: 'model', provider: 'openai/other', inputTokens: 2_000, outputTokens: 60 },
  { stage: 'speech', provider: 'openai/tts', characters: 400 },
  { stage: 'speech', provider: 'openai/tts', characters: 600 },
];

describe('The costs of a call', () => {
  let bench: AssessmentBench;

  beforeAll(async () => {
    bench = await AssessmentBench.open([{ when: /./, say: JSON.stringify(FOUND) }]);
  });
  afterEach(() => bench.clear());
  afterAll(() => bench.close());

  async function costed(over: Parameters<AssessmentBench['over']>[0], options = {}) {
    const { environment = 'test' } = over;
    const id = await bench.over(over);
    await bench.tell();
    await bench.settled(bench.assessor({ model: undefined, ...options }));
    const event = (await bench.timeline(id, environment)).find(({ type }) => type === 'call.costed');
    return { call: await bench.get(id, environment), usage: event?.data.usage };
  }

  it('are what its stages have used, at the rates of the settings', async () => {
    const { call, usage } = await costed({ environment: 'live', says: SAYS, usage: USAGE });
    expect(call).toMatchObject({
      tokenCost: 0.004,
      costs: {
        total: 0.042,
        currency: 'USD',
        telephony: 0.02,
        transcription: 0.003,
        model: 0.004,
        speech: 0.015,
        analysis: null,
      },
    });
    expect(usage).toEqual({
      telephony: { minutes: 2 },
      transcription: { seconds: 30 },
      model: { inputTokens: 3_000, outputTokens: 100 },
      speech: { characters: 1_000 },
    });
  });

  it('have those of its assessment, too', async () => {
    const id = await bench.over({ says: SAYS });
    await bench.tell();
    await bench.settled(bench.assessor());
    const { costs, tokenCost } = await bench.get(id);
    const { usage } = (await bench.timeline(id)).at(-1)!.data;
    const { inputTokens, outputTokens } = usage.analysis as Record<string, number>;
    expect(inputTokens).toBeGreaterThan(100);
    expect(costs.analysis).toBeCloseTo((inputTokens! + outputTokens! * 10) / 1e6, 6);
    expect([costs.total, costs.model, tokenCost]).toEqual([costs.analysis, null, null]);
  });

  it('are null where there are no rates; what was used is told', async () => {
    const { call, usage } = await costed({ environment: 'live', usage: USAGE }, { rates: NO_RATES });
    expect(call.tokenCost).toBeNull();
    expect(Object.values(call.costs)).toEqual([null, null, null, null, null, null, null]);
    expect(usage).toMatchObject({ telephony: { minutes: 2 }, model: { inputTokens: 3_000, outputTokens: 100 } });
  });

  it('are not known when a model has answered that does not count', async () => {
    const usage = USAGE.filter(({ stage }) => stage === 'speech');
    const { call } = await costed({ says: SAYS, latencies: [300], usage });
    expect(call).toMatchObject({ tokenCost: null, costs: { total: null, model: null, speech: 0.015 } });
  });

  it('have nothing of simulated lines and the built-in providers', async () => {
    const scripted = USAGE.map((usage) => ({ ...usage, provider: 'scripted' }));
    const { call } = await costed({ says: SAYS, latencies: [300], usage: scripted });
    expect(call).toMatchObject({ tokenCost: null, costs: null });
  });

  it('are those of the line alone when nobody spoke', async () => {
    const { call } = await costed({ environment: 'live' });
    expect(call.costs).toMatchObject({ total: 0.02, telephony: 0.02, model: null });
    const free = await costed({ environment: 'live' }, { rates: { ...RATES, telephonyPerMinute: undefined } });
    expect(free.call.costs).toBeNull();
  });

  it('are told of once, whatever is counted later', async () => {
    const { call } = await costed({ usage: USAGE });
    await bench.jobs.add([call.id], 0);
    await bench.settled(bench.assessor({ rates: NO_RATES }));
    expect((await bench.get(call.id)).costs).toEqual(call.costs);
    expect((await bench.types(call.id)).filter((type) => type === 'call.costed')).toHaveLength(1);
  });
});

describe('The latency of a call', () => {
  let bench: AssessmentBench;

  beforeAll(async () => {
    bench = await AssessmentBench.open([]);
  });
  afterAll(() => bench.close());

  it('is that of its answers, alone and in a list, each its own', async () => {
    const says = Array.from({ length: 20 }, (_, i) => `Turn ${i}`);
    const measured = await bench.over({ says, latencies: says.map((_, i) => 100 + i * 10) });
    const other = await bench.over({ says, latencies: [250] });
    const none = await bench.over({ says });
    const expected = {
      answers: 20,
      endpointingMs: { p50: 95, p95: 140 },
      transcriptionMs: null,
      modelFirstTokenMs: null,
      speechFirstByteMs: null,
      totalMs: { p50: 190, p95: 280 },
    };
    const list = await bench.list();
    const inList = (id: string) => list.find((call) => call.id === id).latency;
    for (const latency of [(await bench.get(measured)).latency, inList(measured)]) expect(latency).toEqual(expected);
    expect(inList(other)).toMatchObject({ answers: 1, totalMs: { p50: 250, p95: 250 } });
    expect([(await bench.get(none)).latency, inList(none)]).toEqual([null, null]);
  });
});
