import { ENDPOINTING, type EndpointingSettings } from './pipeline/endpointing.js';

/** Words that are known beforehand; `audio` (PCM16 at 8 kHz) where they have been synthesised already. */
export interface Phrase {
  text: string;
  audio?: Int16Array | undefined;
}

/** How long a provider may take, milliseconds. */
export interface StageLimits {
  /** The end of the utterance → its text. */
  transcriptionMs: number;
  modelFirstMs: number;
  modelNextMs: number;
  speechFirstMs: number;
  speechNextMs: number;
}

export interface ConversationSettings {
  /** The prompt. */
  instructions: string;
  /** Played in full before anything else: that the call is recorded. */
  notice: Phrase | undefined;
  firstSpeaker: 'agent' | 'customer';
  /** What the agent begins with; without it the model finds something. */
  firstMessage: Phrase | undefined;
  voice: string | undefined;
  /** BCP 47. */
  language: string | undefined;
  temperature: number | undefined;
  endpointing: EndpointingSettings;
  /** Whether the customer can interrupt the agent at all. */
  interruptible: boolean;
  /** The customer interrupts by speaking for so long, milliseconds; shorter sounds do not stop the agent. */
  interruptMs: number;
  /** What happens when nobody speaks for `afterMs`: `prompt`, up to `times` times, then `farewell` and the end. */
  silence: { afterMs: number; prompt: Phrase; times: number; farewell: Phrase | undefined };
  /** From `start` on, milliseconds. */
  maxDurationMs: number;
  /** Said so long before that. */
  durationWarning: (Phrase & { beforeMs: number }) | undefined;
  /** Said before the end when a provider failed. Synthesised at the start, so that it can be said in any case. */
  apology: Phrase;
  /** Keys pressed within so long of each other, milliseconds, are one message. */
  keyPauseMs: number;
  limits: StageLimits;
}

const DEFAULTS: ConversationSettings = {
  instructions: '',
  notice: undefined,
  firstSpeaker: 'agent',
  firstMessage: undefined,
  voice: undefined,
  language: undefined,
  temperature: undefined,
  endpointing: ENDPOINTING,
  interruptible: true,
  interruptMs: 300,
  silence: { afterMs: 10_000, prompt: { text: 'Are you still there?' }, times: 2, farewell: undefined },
  maxDurationMs: 1_800_000,
  durationWarning: undefined,
  apology: { text: 'I am sorry, there is a technical problem. We will call you back. Goodbye.' },
  keyPauseMs: 1_500,
  limits: {
    transcriptionMs: 8_000,
    modelFirstMs: 8_000,
    modelNextMs: 5_000,
    speechFirstMs: 5_000,
    speechNextMs: 3_000,
  },
};

export const conversationSettings = (given: Partial<ConversationSettings> = {}): ConversationSettings => ({
  ...DEFAULTS,
  ...given,
});
