import {
  createLanguageModel,
  createTextToSpeech,
  createRealtimeModel,
  createSpeechToText,
  type ProviderPair,
  type ProviderSettings,
} from '../voice/index.js';
import { type StageName, type StageSettings, type StagesSettings } from '../agents/index.js';

/** The providers of a conversation, which needs all three. Undefined: the agent makes announcements. */
export function conversationProviders({
  transcription,
  model,
  speech,
}: StagesSettings): Record<StageName, StageSettings> | undefined {
  return transcription && model && speech ? { transcription, model, speech } : undefined;
}

/** @throws ProviderError for settings that cannot work */
export const providersOf = <P>(
  { primary, fallback }: StageSettings,
  create: (settings: ProviderSettings) => P,
): ProviderPair<P> => ({ primary: create(primary), ...(fallback && { fallback: create(fallback) }) });

/**
 * Creates the providers of a call without any request to them. On an answered line it would be too late for an error.
 * @throws ProviderError for settings that cannot work
 */
export function checkStages(stages: StagesSettings): void {
  if (stages.speechToSpeech) createRealtimeModel(stages.speechToSpeech);
  if (stages.speech) providersOf(stages.speech, createTextToSpeech);
  const providers = stages.speechToSpeech ? undefined : conversationProviders(stages);
  if (!providers) return;
  providersOf(providers.transcription, createSpeechToText);
  providersOf(providers.model, createLanguageModel);
}
