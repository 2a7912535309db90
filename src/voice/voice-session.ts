import { type ConversationEnd } from './conversation-events.js';

/** Whoever speaks for us on an answered line. What is heard of the line is told to it; it says when to hang up. */
export interface VoiceSession {
  /** Resolves with why the call is to be hung up; never when it was stopped before. */
  readonly over: Promise<ConversationEnd>;
  /** A machine has answered. Said again, it changes nothing. */
  machineHeard(): Promise<void>;
  /** The machine takes messages from now on. */
  beepHeard(): Promise<void>;
  /** The machine has stopped speaking. */
  silenceHeard(): Promise<void>;
  /** The customer has pressed a key. */
  dtmf(key: string): void;
  /** The call is over for other reasons. Resolves when the last words of both are told, if they are to be. */
  stop(): Promise<void> | void;
}
