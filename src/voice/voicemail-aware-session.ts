import { Announcement, type MachineChoice } from './announcement.js';
import { type Conversation } from './conversation/conversation.js';
import { type ConversationEnd } from './conversation-events.js';
import { type AudioPort } from '../lib/audio/index.js';
import { type VoiceSession } from './voice-session.js';

export interface MachineScript {
  onMachine: MachineChoice;
  /** Message for a machine; PCM16 at 8 kHz. */
  message: Int16Array | undefined;
}

/**
 * A conversation with a person that is replaced by an announcement when a machine is detected. After a transfer, signals of
 * the line are ignored.
 */
export class VoicemailAwareSession implements VoiceSession {
  readonly ended: Promise<ConversationEnd>;
  private announcement: Announcement | undefined;
  private resolveEnded: (end: ConversationEnd) => void = () => undefined;

  constructor(
    private readonly line: AudioPort,
    private readonly conversation: Conversation,
    private readonly machine: MachineScript,
  ) {
    this.ended = new Promise((resolve, reject) => {
      this.resolveEnded = resolve;
      conversation.ended.then(resolve, reject);
    });
    conversation.start();
  }

  async machineDetected(): Promise<void> {
    if (this.announcement || this.conversation.handedOver || this.machine.onMachine === 'carry_on') return;
    this.conversation.stop();
    const script = { ...this.machine, notice: undefined, greeting: undefined, listenMs: 0 };
    this.announcement = new Announcement(this.line, script);
    void this.announcement.ended.then(this.resolveEnded);
    await this.announcement.machineDetected();
  }

  async beepDetected(): Promise<void> {
    await this.machineDetected();
    await this.announcement?.beepDetected();
  }

  async silenceDetected(): Promise<void> {
    await this.announcement?.silenceDetected();
  }

  dtmf(key: string): void {
    if (!this.announcement) this.conversation.dtmf(key);
  }

  /** The customer's last words are still recorded when their transcript comes. */
  stop(): Promise<void> {
    this.announcement?.stop();
    // `ended` rejects with the error as well.
    return this.conversation.hangUp().catch(() => undefined);
  }
}
