import { type LegEnd } from '../provider.js';
import { type UntimedSignal } from './timed-signals.js';

/** 20 ms of an open line, as the far end perceives them. */
export interface FarEndMoment {
  agentSpeaks: boolean;
  /** Whether the far end still plays its own last words. */
  isSpeaking: boolean;
  /** Transcribes the agent's speech since the far end's last action. */
  transcribeAgent: () => string;
}

export type FarEndAction =
  | { type: 'say'; text: string }
  | { type: 'press'; key: string }
  | { type: 'beep' }
  /** A signal that a carrier derives from the audio of the far end. */
  | { type: 'signal'; signal: UntimedSignal }
  | { type: 'hang_up'; end: LegEnd };

/** The person or machine that answers a simulated call. Deterministic: the same moments lead to the same actions. */
export interface FarEnd {
  /** Advances by 20 ms. */
  next(moment: FarEndMoment): FarEndAction | undefined;
}
