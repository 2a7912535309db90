import fc from 'fast-check';
import { type CallUsage } from './call-events.js';
import { costOf, type RateCard } from './cost.js';

const RATES: RateCard = {
  currency: 'USD',
  telephonyPerMinute: 0.012,
  transcriptionPerMinute: 0.003,
  modelPerMillionInputTokens: 0.4,
  modelPerMillionOutputTokens: 1.6,
  speechPerMillionCharacters: 15,
};
const USAGE: CallUsage = {
  telephony: { minutes: 5 },
  transcription: { seconds: 90 },
  model: { inputTokens: 10_000, outputTokens: 500 },
  speech: { characters: 1_200 },
  analysis: { inputTokens: 1_000, outputTokens: 100 },
};

describe('costOf', () => {
  it('multiplies use by rates', () => {
    expect(costOf(USAGE, RATES)).toEqual({
      total: 0.08786,
      currency: 'USD',
      telephony: 0.06,
      transcription: 0.0045,
      model: 0.0048,
      speech: 0.018,
      analysis: 0.00056,
    });
  });

  it('has neither a price nor a total without a rate', () => {
    const costs = costOf(USAGE, { ...RATES, speechPerMillionCharacters: undefined, currency: undefined });
    expect(costs).toMatchObject({ total: null, currency: null, speech: null, model: 0.0048 });
    const { model, analysis } = costOf(USAGE, { ...RATES, modelPerMillionOutputTokens: undefined });
    expect([model, analysis]).toEqual([null, null]);
  });

  it('distinguishes a rate of zero from no rate', () => {
    expect(costOf({ model: USAGE.model }, { ...RATES, modelPerMillionInputTokens: 0 })).toMatchObject({
      total: 0.0008,
      model: 0.0008,
    });
  });

  it('has no price for uncounted use, and ignores unused stages', () => {
    expect(costOf({ ...USAGE, model: null }, RATES)).toMatchObject({ total: null, model: null, speech: 0.018 });
    expect(costOf({ speech: USAGE.speech }, RATES)).toMatchObject({ total: 0.018, model: null, telephony: null });
    expect(costOf({}, RATES)).toMatchObject({ total: null, telephony: null });
  });

  it('grows with use, and the total is the sum of its parts', () => {
    const tokens = fc.record({ inputTokens: fc.nat(1e9), outputTokens: fc.nat(1e9) });
    const usage = fc.record({
      telephony: fc.record({ minutes: fc.nat(1e5) }),
      transcription: fc.record({ seconds: fc.nat(1e6) }),
      model: tokens,
      speech: fc.record({ characters: fc.nat(1e8) }),
      analysis: tokens,
    });
    fc.assert(
      fc.property(usage, (used) => {
        const { total, telephony, transcription, model, speech, analysis } = costOf(used, RATES);
        expect(total).toBeCloseTo(telephony! + transcription! + model! + speech! + analysis!, 6);
        const more = { ...used, speech: { characters: used.speech.characters + 1_000_000 } };
        expect(costOf(more, RATES).total).toBeGreaterThan(total!);
      }),
    );
  });
});
