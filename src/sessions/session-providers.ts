import {
  createLanguageModel,
  createTextToSpeech,
  createRealtimeModel,
  createSpeechToText,
  type ProviderPair,
  type ProviderSettings,
} from '../voice/index.js';
import { type StageName, type StageSettings, type StagesSettings } from '../agents/index.js';

/** Those who hold a conversation: it needs all three. Undefined: the agent makes announcements. */
export function conversing({
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
 * Makes sure that all whom a call needs can be made, which asks nobody: on an answered line it is too late to find out.
 * @throws ProviderError for settings that cannot work
 */
export function checkStages(stages: StagesSettings): void {
  if (stages.speechToSpeech) createRealtimeModel(stages.speechToSpeech);
  if (stages.speech) providersOf(stages.speech, createTextToSpeech);
  const providers = stages.speechToSpeech ? undefined : conversing(stages);
  if (!providers) return;
  providersOf(providers.transcription, createSpeechToText);
  providersOf(providers.model, createLanguageModel);
}
