import { type ConversationEnd } from './conversation-events.js';

/** The agent on an answered line: a conversation or an announcement. It gets the signals of the line and decides when to hang up. */
export interface VoiceSession {
  /** Resolves with the reason to hang up; never when the session was stopped before. */
  readonly ended: Promise<ConversationEnd>;
  /** A machine has answered. Further calls change nothing. */
  machineDetected(): Promise<void>;
  /** The machine records from now on. */
  beepDetected(): Promise<void>;
  /** The machine has stopped speaking. */
  silenceDetected(): Promise<void>;
  /** The customer has pressed a key. */
  dtmf(key: string): void;
  /** The call has ended for another reason. Resolves when the last words of both sides are recorded. */
  stop(): Promise<void> | void;
}
