import { type ConversationSettings, type Phrase } from '../conversation-settings.js';
import { type CancellationScope } from '../cancellation-scope.js';

/** Warns before the longest duration of a conversation, from now on, and ends it there. */
export function limitDuration(
  scope: CancellationScope,
  { maxDurationMs, durationWarning: warning }: ConversationSettings,
  { warn, reached }: { warn: (phrase: Phrase) => void; reached: () => void },
): void {
  scope.after(maxDurationMs, reached);
  if (!warning) return;
  scope.after(Math.max(0, maxDurationMs - warning.beforeMs), () => {
    warn(warning);
  });
}
