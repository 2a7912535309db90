/** How long each stage of an answer took, in milliseconds. */
export interface TurnLatency {
  /** From the end of speech until it is known to be the end. */
  endpointingMs: number;
  /** From there to the transcript. */
  transcriptionMs: number;
  /** From there to the model's first word or tool call, retries included. */
  modelFirstTokenMs: number;
  /** From the first text for speech synthesis to its first audio. */
  speechFirstByteMs: number;
  /** From the end of speech to the first audio on the line. */
  totalMs: number;
}

/** Percentiles in milliseconds. */
export interface Figures {
  p50: number;
  p95: number;
}

/** Response times of the agent in a call, by stage; null for a stage that no answer has measured. */
export type CallLatency = { answers: number } & Record<keyof TurnLatency, Figures | null>;

/** A column: the latencies of the answers of call `c`; null without any. */
export const LATENCIES = `(
  select jsonb_agg(t.latency) from call_turns t where t.call_id = c.id and t.latency is not null
) as latencies`;

/** @param latencies of the answers, in any order. @returns null without any */
export function latencyOf(latencies: readonly Partial<TurnLatency>[]): CallLatency | null {
  if (latencies.length === 0) return null;
  const of = (stage: keyof TurnLatency) => figuresOf(latencies.map((latency) => latency[stage]));
  return {
    answers: latencies.length,
    endpointingMs: of('endpointingMs'),
    transcriptionMs: of('transcriptionMs'),
    modelFirstTokenMs: of('modelFirstTokenMs'),
    speechFirstByteMs: of('speechFirstByteMs'),
    totalMs: of('totalMs'),
  };
}

function figuresOf(given: readonly unknown[]): Figures | null {
  const values = given.filter((value) => typeof value === 'number').sort((a, b) => a - b);
  const p50 = percentile(values, 0.5);
  const p95 = percentile(values, 0.95);
  return p50 === undefined || p95 === undefined ? null : { p50, p95 };
}

/** By nearest rank: always one of the values. Rounded to a tenth of a millisecond. */
function percentile(sorted: readonly number[], share: number): number | undefined {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  return value === undefined ? undefined : Math.round(value * 10) / 10;
}
