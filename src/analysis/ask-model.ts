import { type LanguageModel, ProviderError } from '../voice/index.js';
import { type TokenUsage } from '../calls/index.js';

export interface Answered {
  /** As far as it came. */
  text: string;
  /** Where the provider counts. */
  tokens?: TokenUsage;
  /** Why there is no more of it. */
  failure?: ProviderError;
}

const MAX_CHARACTERS = 50_000;

/**
 * Asks a model for one whole answer.
 * @param ms how long that may take
 * @throws whatever a model may throw when `stopping` is aborted
 */
export async function askModel(
  model: LanguageModel,
  messages: Parameters<LanguageModel['respond']>[0]['messages'],
  ms: number,
  stopping: AbortSignal,
): Promise<Answered> {
  const late = AbortSignal.timeout(ms);
  const answered: Answered = { text: '' };
  const ask = { messages, tools: [], temperature: undefined, signal: AbortSignal.any([stopping, late]) };
  try {
    for await (const event of model.respond(ask)) {
      if (event.type === 'text') answered.text += event.text;
      if (event.type === 'usage')
        answered.tokens = { inputTokens: event.inputTokens, outputTokens: event.outputTokens };
      if (answered.text.length > MAX_CHARACTERS) throw new ProviderError('unavailable', 'The answer has no end');
    }
  } catch (error) {
    if (stopping.aborted) throw error;
    if (late.aborted) answered.failure = new ProviderError('timeout', 'The answer took too long');
    else if (error instanceof ProviderError) answered.failure = error;
    else throw error;
  }
  return answered;
}
