import { type ConversationSettings, type Phrase } from '../conversation-settings.js';
import { type CancellationScope } from '../cancellation-scope.js';

/** The longest a conversation may take, from now on. */
export function limitDuration(
  scope: CancellationScope,
  { maxDurationMs, durationWarning: warning }: ConversationSettings,
  { warn, over }: { warn: (phrase: Phrase) => void; over: () => void },
): void {
  scope.after(maxDurationMs, over);
  if (!warning) return;
  scope.after(Math.max(0, maxDurationMs - warning.beforeMs), () => {
    warn(warning);
  });
}
