import { Announcement, type MachineChoice } from './announcement.js';
import { type Conversation } from './conversation/conversation.js';
import { type ConversationEnd } from './conversation-events.js';
import { type ConversationLine } from '../lib/audio/index.js';
import { type VoiceSession } from './voice-session.js';

export interface MachineScript {
  onMachine: MachineChoice;
  /** Left with a machine; PCM16 at 8 kHz. */
  message: Int16Array | undefined;
}

/**
 * A conversation with a person; a machine gets what the agent has for machines. Once the customer is connected with somebody
 * else, what is heard is not for us.
 */
export class VoicemailAwareSession implements VoiceSession {
  readonly over: Promise<ConversationEnd>;
  private withMachine: Announcement | undefined;
  private resolve: (end: ConversationEnd) => void = () => undefined;

  constructor(
    private readonly line: ConversationLine,
    private readonly conversation: Conversation,
    private readonly machine: MachineScript,
  ) {
    this.over = new Promise((resolve, reject) => {
      this.resolve = resolve;
      conversation.over.then(resolve, reject);
    });
    conversation.start();
  }

  async machineHeard(): Promise<void> {
    if (this.withMachine || this.conversation.handedOver || this.machine.onMachine === 'carry_on') return;
    this.conversation.stop();
    const script = { ...this.machine, notice: undefined, greeting: undefined, listenMs: 0 };
    this.withMachine = new Announcement(this.line, script);
    void this.withMachine.over.then(this.resolve);
    await this.withMachine.machineHeard();
  }

  async beepHeard(): Promise<void> {
    await this.machineHeard();
    await this.withMachine?.beepHeard();
  }

  async silenceHeard(): Promise<void> {
    await this.withMachine?.silenceHeard();
  }

  dtmf(key: string): void {
    if (!this.withMachine) this.conversation.dtmf(key);
  }

  /** The customer's last words are still told, when they have been understood. */
  stop(): Promise<void> {
    this.withMachine?.stop();
    // What breaks it is told by `over`.
    return this.conversation.hangUp().catch(() => undefined);
  }
}
