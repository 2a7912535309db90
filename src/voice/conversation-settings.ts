/** How begin and end of the customer's speech are found. */
export interface EndpointingSettings {
  /** Silence that ends an utterance, milliseconds. */
  silenceMs: number;
  /** Sound that begins an utterance, milliseconds. */
  startMs: number;
  /** From 0 (only loud speech) to 1 (also faint speech, and more noise). */
  sensitivity: number;
  /** Audio before that which belongs to the utterance, as it has the first syllable, milliseconds. */
  preRollMs: number;
  /**
   * Longest utterance, milliseconds. The next one follows at once, and both get one answer. Music and steady noise keep
   * the agent from speaking for this time.
   */
  maxUtteranceMs: number;
}

export const ENDPOINTING: EndpointingSettings = {
  silenceMs: 500,
  startMs: 80,
  sensitivity: 0.5,
  preRollMs: 300,
  maxUtteranceMs: 30_000,
};

/** Fixed words, with `audio` (PCM16 at 8 kHz) where they are recorded or synthesized already. */
export interface Phrase {
  text: string;
  audio?: Int16Array | undefined;
}

/** Timeouts of providers, milliseconds. */
export interface StageTimeouts {
  /** End of the utterance → transcript. */
  transcriptionMs: number;
  modelFirstMs: number;
  modelNextMs: number;
  speechFirstMs: number;
  speechNextMs: number;
}

export interface ConversationSettings {
  /** Prompt of the model. */
  instructions: string;
  /** Notice that the call is recorded, played in full before anything else. */
  notice: Phrase | undefined;
  firstSpeaker: 'agent' | 'customer';
  /** First words of the agent; without them the model begins. */
  firstMessage: Phrase | undefined;
  voice: string | undefined;
  /** BCP 47. */
  language: string | undefined;
  temperature: number | undefined;
  endpointing: EndpointingSettings;
  /** Whether the customer can interrupt the agent at all. */
  interruptible: boolean;
  /** Length of the customer's speech that interrupts the agent, milliseconds; shorter sounds do not stop it. */
  interruptMs: number;
  /** After `afterMs` without speech of either side: `prompt`, up to `times` times, then `farewell` and the end. */
  silence: { afterMs: number; prompt: Phrase; times: number; farewell: Phrase | undefined };
  /** Longest duration from `start` on, milliseconds. */
  maxDurationMs: number;
  /** Warning before the longest duration is reached. */
  durationWarning: (Phrase & { beforeMs: number }) | undefined;
  /** Last words after a provider has failed; no last words when the text is empty. */
  failureMessage: Phrase;
  /** Longest pause between two keys of one message, milliseconds. */
  keyPauseMs: number;
  timeouts: StageTimeouts;
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
  failureMessage: { text: 'I am sorry, there is a technical problem. We will call you back. Goodbye.' },
  keyPauseMs: 1_500,
  timeouts: {
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
