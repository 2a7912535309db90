export { type Patience, PATIENCE } from './patience.js';
export { checkSettings, type ProviderSettings } from './provider-settings.js';
export {
  createLanguageModel,
  createSpeaker,
  createSpeechToSpeech,
  createTranscriber,
  LANGUAGE_MODEL_KINDS,
  SPEAKER_KINDS,
  SPEECH_TO_SPEECH_KINDS,
  TRANSCRIBER_KINDS,
} from './providers.js';
export { SCRIPTED_RULES, ScriptedModel, type ScriptedRule, ScriptedSpeaker, ScriptedTranscriber } from './scripted.js';
export { decodeTones, encodeTones } from './tone-code.js';
