import { type AudioPort } from '../lib/audio/index.js';
import { type VoiceSession } from './voice-session.js';

/** What follows when an answering machine is detected. */
export const MACHINE_CHOICES = ['hang_up', 'leave_message', 'carry_on'] as const;
export type MachineChoice = (typeof MACHINE_CHOICES)[number];

/** Audio is PCM16 at 8 kHz. */
export interface AnnouncementScript {
  /** Notice that the call is recorded, played before anything else. */
  notice: Int16Array | undefined;
  greeting: Int16Array | undefined;
  onMachine: MachineChoice;
  /** Message for a machine; without it the machine gets the greeting. */
  message: Int16Array | undefined;
  /** How long the line stays open for a person after the greeting, milliseconds. */
  listenMs: number;
}

export interface AnnouncementEnd {
  reason: 'agent_hangup' | 'voicemail_reached';
  detail: string | null;
}

/** Longest greeting of a machine; after it the call ends, milliseconds. */
const MAX_GREETING_MS = 60_000;

/** Plays its greeting on an answered line, stays for a while and ends. A machine that is detected gets its message. */
export class Announcement implements VoiceSession {
  /** Resolves with the reason to hang up; never when the announcement was stopped before. */
  readonly ended: Promise<AnnouncementEnd>;
  private finish: (end: AnnouncementEnd) => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;
  private phase: 'speaking' | 'waiting for the beep' | 'leaving a message' | 'stopped' = 'speaking';

  constructor(
    private readonly line: AudioPort,
    private readonly script: AnnouncementScript,
  ) {
    this.ended = new Promise((resolve) => {
      this.finish = (end) => {
        if (this.phase === 'stopped') return;
        this.stop();
        resolve(end);
      };
    });
    void this.speak();
  }

  /** A machine has answered. Further calls change nothing. */
  async machineDetected(): Promise<void> {
    const { onMachine } = this.script;
    if (this.phase !== 'speaking' || onMachine === 'carry_on') return;
    clearTimeout(this.timer);
    if (onMachine === 'hang_up') {
      this.finish({ reason: 'voicemail_reached', detail: 'A machine answered' });
      return;
    }
    this.phase = 'waiting for the beep';
    this.after(MAX_GREETING_MS, {
      reason: 'voicemail_reached',
      detail: 'A machine answered; neither a beep nor silence was heard, so no message was left',
    });
    await this.line.clear();
  }

  /** The machine records from now on. This may be the first sign of a machine, as a short greeting sounds like a person. */
  async beepDetected(): Promise<void> {
    await this.machineDetected();
    await this.leaveMessage('after the beep');
  }

  /** The machine has stopped speaking. */
  silenceDetected(): Promise<void> {
    return this.leaveMessage('after the greeting');
  }

  /** An announcement has no use for keys. */
  dtmf(): void {
    // An announcement goes on.
  }

  stop(): void {
    this.phase = 'stopped';
    clearTimeout(this.timer);
  }

  private async speak(): Promise<void> {
    const { notice, greeting, listenMs } = this.script;
    for (const speech of [notice, greeting]) if (speech) this.line.write(speech);
    await this.line.mark();
    if (this.phase === 'speaking') this.after(listenMs, { reason: 'agent_hangup', detail: null });
  }

  private async leaveMessage(when: string): Promise<void> {
    if (this.phase !== 'waiting for the beep') return;
    this.phase = 'leaving a message';
    clearTimeout(this.timer);
    const message = this.script.message ?? this.script.greeting;
    if (!message) {
      this.finish({ reason: 'voicemail_reached', detail: 'A machine answered; there is no message' });
      return;
    }
    this.line.write(message);
    const outcome = await this.line.mark();
    if (outcome === 'played') this.finish({ reason: 'voicemail_reached', detail: `A message was left ${when}` });
  }

  private after(ms: number, end: AnnouncementEnd): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.finish(end);
    }, ms);
  }
}
