import { type Database } from '../../lib/platform/index.js';
import { type EndedCall } from '../call-state.js';
import { type CallUsage, type TokenUsage } from '../call-events.js';

/** What one use of a provider took. */
export type Usage =
  | { stage: 'transcription'; provider: string; seconds: number }
  /** Null: the provider does not count tokens. */
  | { stage: 'model' | 'analysis'; provider: string; inputTokens: number | null; outputTokens: number | null }
  | { stage: 'speech'; provider: string; characters: number };

/** The built-in providers. */
const FREE_PROVIDER = 'scripted';

/** Adds to the use of a call. Not idempotent: a repeated call counts twice. */
export async function saveUsage(database: Pick<Database, 'query'>, callId: string, usage: Usage): Promise<void> {
  const { stage, provider, seconds, inputTokens, outputTokens, characters } = { ...NOTHING, ...usage };
  await database.query(
    {
      name: 'save_usage',
      text: `insert into call_usage (call_id, stage, provider, seconds, input_tokens, output_tokens, characters)
             values ($1, $2, $3, $4, $5, $6, $7)`,
    },
    [callId, stage, provider, seconds, inputTokens, outputTokens, characters],
  );
}

const NOTHING = { seconds: null, inputTokens: null, outputTokens: null, characters: null };

interface Sums {
  stage: 'transcription' | 'model' | 'speech' | 'analysis';
  free: boolean;
  seconds: number;
  inputTokens: number;
  outputTokens: number;
  characters: number;
  /** Whether a request used tokens without counting them. */
  uncounted: boolean;
}

/** The use of an ended call. */
export async function usageOf(database: Pick<Database, 'query'>, callId: string, state: EndedCall): Promise<CallUsage> {
  const sums = await database.query<Sums>(
    {
      name: 'sum_usage',
      text: `select stage, provider = '${FREE_PROVIDER}' as free, coalesce(sum(seconds), 0)::float8 as seconds,
               coalesce(sum(input_tokens), 0)::float8 as "inputTokens",
               coalesce(sum(output_tokens), 0)::float8 as "outputTokens",
               coalesce(sum(characters), 0)::float8 as characters,
               bool_or(input_tokens is null or output_tokens is null) as uncounted
             from call_usage where call_id = $1 group by 1, 2`,
    },
    [callId],
  );
  const paid = (stage: Sums['stage']) => sums.find((sum) => sum.stage === stage && !sum.free);
  const [transcription, speech] = [paid('transcription'), paid('speech')];
  const model = tokensOf(paid('model'));
  const isCounted = sums.some(({ stage }) => stage === 'model');
  return {
    telephony: telephonyOf(state),
    transcription: transcription && { seconds: transcription.seconds },
    // Null, not absent: an uncounted model must not look free.
    model: isCounted || !(await hasAnswered(database, callId)) ? model : null,
    speech: speech && { characters: speech.characters },
    analysis: tokensOf(paid('analysis')),
  };
}

const tokensOf = (sums: Sums | undefined): TokenUsage | null | undefined =>
  sums && (sums.uncounted ? null : { inputTokens: sums.inputTokens, outputTokens: sums.outputTokens });

async function hasAnswered(database: Pick<Database, 'query'>, callId: string): Promise<boolean> {
  const answers = await database.query(
    'select 1 as one from call_turns where call_id = $1 and latency is not null limit 1',
    [callId],
  );
  return answers.length > 0;
}

/** Started minutes, as carriers count them. Simulated calls are free. */
function telephonyOf({ facts, startedAt, endedAt }: EndedCall): CallUsage['telephony'] {
  if (facts.environment !== 'live' || startedAt === undefined) return undefined;
  const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  return { minutes: Math.ceil(Math.max(1, seconds) / 60) };
}
