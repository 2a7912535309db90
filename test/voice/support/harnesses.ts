import { CascadeHarness } from './cascade-harness.js';
import { type ConversationHarness, type HarnessOptions } from './conversation-harness.js';
import { RealtimeHarness } from './realtime-harness.js';

export interface HarnessKind {
  name: 'cascade' | 'realtime';
  start: (build?: (own: ConversationHarness) => HarnessOptions) => ConversationHarness;
}

/** Every pipeline that a conversation can have. */
export const HARNESSES: readonly HarnessKind[] = [
  { name: 'cascade', start: (build) => new CascadeHarness(build) },
  { name: 'realtime', start: (build) => new RealtimeHarness(build) },
];
