import {
  createLanguageModel,
  createTextToSpeech,
  createRealtimeModel,
  createSpeechToText,
} from '../../../src/voice/providers/providers.js';
import { type ProviderTimeouts } from '../../../src/voice/providers/provider-timeouts.js';
import { type OutboundGuard } from '../../../src/lib/platform/http-client/outbound-guard.js';
import { type ModelEvent, ProviderError, type RealtimeEvent } from '../../../src/voice/providers/ports.js';
import { type Stage } from '../../fakes/faults.js';
import { tone } from '../../support/wav.js';

export interface AskOptions {
  baseUrl: string;
  signal?: AbortSignal;
  timeouts?: ProviderTimeouts;
  apiKey?: string;
  guard?: OutboundGuard;
}

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

export const neverAborted = (): AbortSignal => new AbortController().signal;

/** Three seconds of a tone. */
export const UTTERANCE = Int16Array.from(tone(440, 8_000, 3));
export const TEXT = 'Good morning, this is Ann.';

const settingsOf = (kind: string, { baseUrl, apiKey, guard }: AskOptions) => ({
  kind,
  baseUrl,
  ...(apiKey && { apiKey }),
  ...(guard && { guard }),
});

const hear = (kind: string, options: AskOptions, utterance = UTTERANCE) =>
  createSpeechToText(settingsOf(kind, options), options.timeouts).transcribe(utterance, {
    language: 'en-GB',
    signal: options.signal ?? neverAborted(),
  });

const speak = (kind: string, options: AskOptions, text = TEXT) =>
  createTextToSpeech(settingsOf(kind, options), options.timeouts).synthesize(text, {
    voice: undefined,
    language: undefined,
    signal: options.signal ?? neverAborted(),
  });

export const think = (options: AskOptions, content = 'Hello'): AsyncIterable<ModelEvent> =>
  createLanguageModel(settingsOf('openai', options), options.timeouts).respond({
    messages: [{ role: 'user', content }],
    tools: [],
    temperature: undefined,
    signal: options.signal ?? neverAborted(),
  });

/** Runs one turn of a Realtime session. */
async function converse(options: AskOptions): Promise<RealtimeEvent[]> {
  const session = createRealtimeModel(settingsOf('openai', options), options.timeouts).connect({
    messages: [{ role: 'system', content: 'Be nice' }],
    tools: [],
    voice: undefined,
    language: undefined,
    signal: options.signal ?? neverAborted(),
  });
  session.write(UTTERANCE);
  void session.finish().catch(() => undefined);
  const events = await all(session.respond({ mayUseTools: true }));
  session.close();
  return events;
}

/** A request to each stage of the fake vendors by the product's providers. */
export const ASKS: Readonly<Record<Stage, (options: AskOptions) => Promise<unknown>>> = {
  chat: (options) => all(think(options)),
  transcription: (options) => hear('openai', options),
  speech: (options) => all(speak('openai', options)),
  listen: (options) => hear('deepgram', options),
  speak: (options) => all(speak('deepgram', options)),
  realtime: (options) => converse(options),
};
export const STAGES = Object.keys(ASKS) as Stage[];

/** @returns the error that a request fails with */
export async function failureOf(asked: Promise<unknown>): Promise<ProviderError> {
  const failure = await asked.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof ProviderError)) throw new Error('no ProviderError', { cause: failure });
  return failure;
}
