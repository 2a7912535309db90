import { type UtteranceSource } from './agent-turn.js';
import { type AssistantEntry } from './chat-history.js';

/** Source of known phrases. */
export const scripted =
  (...phrases: { text: string; audio?: Int16Array | undefined; entry?: AssistantEntry }[]): UtteranceSource =>
  (turn, _scope, resumed) => {
    if (!resumed) for (const { text, audio, entry } of phrases) turn.add(text, entry, audio);
    return Promise.resolve();
  };
