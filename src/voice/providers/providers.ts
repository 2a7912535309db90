import {
  type LanguageModel,
  ProviderError,
  type TextToSpeech,
  type RealtimeModel,
  type SpeechToText,
} from './ports.js';
import { DeepgramSpeech } from './deepgram/deepgram-speech.js';
import { DeepgramTranscription } from './deepgram/deepgram-transcription.js';
import { OpenAiChat } from './openai/openai-chat.js';
import { OpenAiRealtime } from './openai/openai-realtime.js';
import { OpenAiSpeech } from './openai/openai-speech.js';
import { OpenAiTranscription } from './openai/openai-transcription.js';
import { type ProviderTimeouts } from './provider-timeouts.js';
import { checkSettings, type ProviderSettings } from './provider-settings.js';
import { ScriptedModel, ScriptedTextToSpeech, ScriptedSpeechToText } from './scripted/scripted.js';

/** Checked settings, for the factories. */
type Settings = Omit<ProviderSettings, 'kind'> & { timeouts?: ProviderTimeouts };
type ProviderTable<Provider> = Readonly<Record<string, (settings: Settings) => Provider>>;

const OPENAI = 'https://api.openai.com/v1';
const DEEPGRAM = 'https://api.deepgram.com/v1';

/** Speech-to-text providers. A new one is a file and a line here. */
const TRANSCRIBERS: ProviderTable<SpeechToText> = {
  openai: (s) => new OpenAiTranscription({ ...reached(s, OPENAI), model: s.model ?? 'gpt-4o-mini-transcribe' }),
  deepgram: (s) => new DeepgramTranscription({ ...reached(s, DEEPGRAM), model: s.model ?? 'nova-3' }),
  scripted: () => new ScriptedSpeechToText(),
};

/** Language models. */
const LANGUAGE_MODELS: ProviderTable<LanguageModel> = {
  openai: (s) => new OpenAiChat({ ...reached(s, OPENAI), model: s.model ?? 'gpt-4.1-mini' }),
  scripted: () => new ScriptedModel(),
};

/** Text-to-speech providers. */
const SPEAKERS: ProviderTable<TextToSpeech> = {
  openai: (s) =>
    new OpenAiSpeech({ ...reached(s, OPENAI), model: s.model ?? 'gpt-4o-mini-tts', voice: s.voice ?? 'alloy' }),
  deepgram: (s) => new DeepgramSpeech({ ...reached(s, DEEPGRAM), voice: s.voice ?? s.model ?? 'aura-2-thalia-en' }),
  scripted: () => new ScriptedTextToSpeech(),
};

/** Realtime models, speech to speech. */
const SPEECH_TO_SPEECH: ProviderTable<RealtimeModel> = {
  openai: (s) =>
    new OpenAiRealtime({ ...reached(s, OPENAI), model: s.model ?? 'gpt-realtime', voice: s.voice ?? 'marin' }),
};

export const SPEECH_TO_TEXT_KINDS = Object.keys(TRANSCRIBERS);
export const LANGUAGE_MODEL_KINDS = Object.keys(LANGUAGE_MODELS);
export const TEXT_TO_SPEECH_KINDS = Object.keys(SPEAKERS);
export const REALTIME_MODEL_KINDS = Object.keys(SPEECH_TO_SPEECH);

/** @throws ProviderError for settings that cannot work */
export const createSpeechToText = (settings: ProviderSettings, timeouts?: ProviderTimeouts): SpeechToText =>
  create(TRANSCRIBERS, settings, timeouts);

/** @throws ProviderError for settings that cannot work */
export const createLanguageModel = (settings: ProviderSettings, timeouts?: ProviderTimeouts): LanguageModel =>
  create(LANGUAGE_MODELS, settings, timeouts);

/** @throws ProviderError for settings that cannot work */
export const createTextToSpeech = (settings: ProviderSettings, timeouts?: ProviderTimeouts): TextToSpeech =>
  create(SPEAKERS, settings, timeouts);

/** @throws ProviderError for settings that cannot work */
export const createRealtimeModel = (settings: ProviderSettings, timeouts?: ProviderTimeouts): RealtimeModel =>
  create(SPEECH_TO_SPEECH, settings, timeouts);

function create<Provider>(
  table: ProviderTable<Provider>,
  settings: ProviderSettings,
  timeouts?: ProviderTimeouts,
): Provider {
  checkSettings(settings);
  const { kind, ...rest } = settings;
  const factory = Object.hasOwn(table, kind) ? table[kind] : undefined;
  if (!factory) throw new ProviderError('refused', `kind must be one of ${Object.keys(table).join(', ')}`);
  return factory({ ...rest, ...(timeouts && { timeouts }) });
}

/** @throws ProviderError for the vendor's URL without a key, and for a URL that the guard refuses */
function reached({ baseUrl, apiKey, timeouts, guard }: Settings, vendor: string) {
  if (baseUrl === undefined && apiKey === undefined)
    throw new ProviderError('denied', `apiKey is missing, and ${vendor} answers nobody without`);
  const address = baseUrl ?? vendor;
  const problem = guard?.problem(address);
  if (problem !== undefined) throw new ProviderError('refused', `baseUrl cannot be used: ${problem}`);
  return { baseUrl: address, apiKey, lookup: guard?.lookup, ...(timeouts && { timeouts }) };
}
