import { type LegEnd } from '../provider.js';
import { type UntimedSignal } from './timed-signals.js';

/** What 20 ms of an open line were like for whoever is at its far end. */
export interface FarEndMoment {
  /** The agent was heard to speak. */
  agentSpeaks: boolean;
  /** The far end itself was still saying what it said last. */
  speaking: boolean;
  /** What the agent has said since the far end did something, as far as it is understood. */
  words: () => string;
}

export type FarEndAction =
  | { type: 'say'; text: string }
  | { type: 'press'; key: string }
  | { type: 'beep' }
  /** What a carrier finds out by listening to it. */
  | { type: 'tell'; signal: UntimedSignal }
  | { type: 'hang_up'; end: LegEnd };

/** Who or what answers the phone. Reads no clock and throws no dice: the same moments, the same actions. */
export interface FarEnd {
  /** 20 ms later. */
  next(moment: FarEndMoment): FarEndAction | undefined;
}
