import { type ConversationLine } from '../lib/audio/index.js';
import { type VoiceSession } from './voice-session.js';

/** What a machine that answers gets. */
export const MACHINE_CHOICES = ['hang_up', 'leave_message', 'carry_on'] as const;
export type MachineChoice = (typeof MACHINE_CHOICES)[number];

/** PCM16 at 8 kHz throughout. */
export interface AnnouncementScript {
  /** Played before anything else: that the call is recorded. */
  notice: Int16Array | undefined;
  greeting: Int16Array | undefined;
  onMachine: MachineChoice;
  /** Left with a machine; the greeting when there is none. */
  message: Int16Array | undefined;
  /** How long to listen to a person afterwards, milliseconds. */
  listenMs: number;
}

export interface AnnouncementEnd {
  reason: 'agent_hangup' | 'voicemail_reached';
  detail: string | null;
}

/** How long a machine may speak before it is given up. */
const GREETING_MS = 60_000;

/**
 * Says what it has to say on an answered line, listens for a while and ends. What it does with a machine follows once
 * one is heard: until then it speaks as to a person.
 */
export class Announcement implements VoiceSession {
  /** Resolves with why the call is to be hung up; never when it was stopped before. */
  readonly over: Promise<AnnouncementEnd>;
  private finish: (end: AnnouncementEnd) => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;
  private phase: 'speaking' | 'waiting for the beep' | 'leaving a message' | 'stopped' = 'speaking';

  constructor(
    private readonly line: ConversationLine,
    private readonly script: AnnouncementScript,
  ) {
    this.over = new Promise((resolve) => {
      this.finish = (end) => {
        if (this.phase === 'stopped') return;
        this.stop();
        resolve(end);
      };
    });
    void this.speak();
  }

  /** A machine has answered. Said again, it changes nothing. */
  async machineHeard(): Promise<void> {
    const { onMachine } = this.script;
    if (this.phase !== 'speaking' || onMachine === 'carry_on') return;
    clearTimeout(this.timer);
    if (onMachine === 'hang_up') {
      this.finish({ reason: 'voicemail_reached', detail: 'A machine answered' });
      return;
    }
    this.phase = 'waiting for the beep';
    this.after(GREETING_MS, {
      reason: 'voicemail_reached',
      detail: 'A machine answered; neither a beep nor silence was heard, so no message was left',
    });
    await this.line.clear();
  }

  /** The machine takes messages from now on. That it is a machine may be news: a short greeting sounds like a person. */
  async beepHeard(): Promise<void> {
    await this.machineHeard();
    await this.leaveMessage('after the beep');
  }

  /** The machine has stopped speaking. */
  silenceHeard(): Promise<void> {
    return this.leaveMessage('after the greeting');
  }

  /** Nobody asks for keys. */
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
