import { type CallCosts, type CallUsage, type TokenUsage } from './call-events.js';

/** Prices of the settings, in one currency. Undefined: unknown; 0: free. */
export interface RateCard {
  currency: string | undefined;
  telephonyPerMinute: number | undefined;
  transcriptionPerMinute: number | undefined;
  modelPerMillionInputTokens: number | undefined;
  modelPerMillionOutputTokens: number | undefined;
  speechPerMillionCharacters: number | undefined;
}

/** Costs are rounded to six decimals, like the rates. */
const DECIMALS = 1e6;
const MILLION = 1e6;

/** Costs of the counted use. A stage without a rate, or without a count, has no cost. */
export function costOf(usage: CallUsage, rates: RateCard): CallCosts {
  const { telephony, transcription, model, speech, analysis } = usage;
  const parts = {
    telephony: telephony && price([[telephony.minutes, rates.telephonyPerMinute]]),
    transcription: transcription && price([[transcription.seconds / 60, rates.transcriptionPerMinute]]),
    model: model && priceOfTokens(model, rates),
    speech: speech && price([[speech.characters / MILLION, rates.speechPerMillionCharacters]]),
    analysis: analysis && priceOfTokens(analysis, rates),
  };
  return {
    total: sum(Object.values(parts)),
    currency: rates.currency ?? null,
    telephony: parts.telephony ?? null,
    transcription: parts.transcription ?? null,
    model: parts.model ?? null,
    speech: parts.speech ?? null,
    analysis: parts.analysis ?? null,
  };
}

const priceOfTokens = ({ inputTokens, outputTokens }: TokenUsage, rates: RateCard): number | null =>
  price([
    [inputTokens / MILLION, rates.modelPerMillionInputTokens],
    [outputTokens / MILLION, rates.modelPerMillionOutputTokens],
  ]);

function price(items: readonly (readonly [amount: number, rate: number | undefined])[]): number | null {
  let cost = 0;
  for (const [amount, rate] of items) {
    if (rate === undefined) return null;
    cost += amount * rate;
  }
  return round(cost);
}

/** The sum of the used parts; null without any, or when one has no price. */
function sum(parts: readonly (number | null | undefined)[]): number | null {
  const used = parts.filter((part) => part !== undefined);
  return used.length === 0 || used.includes(null)
    ? null
    : round(used.reduce<number>((all, part) => all + (part ?? 0), 0));
}

const round = (amount: number): number => Math.round(amount * DECIMALS) / DECIMALS;
