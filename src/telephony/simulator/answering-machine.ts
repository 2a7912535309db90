import { FRAME_MS } from '../../lib/audio/index.js';
import { type FarEnd, type FarEndAction, type FarEndMoment } from './far-end.js';

/** A greeting so long is no person's (`media/answer-detector.ts`), and it is over when so much silence follows. */
const LONG_GREETING_MS = 2_500;
const GREETING_OVER_MS = 1_200;
const BEFORE_GREETING_MS = 500;
const BEFORE_BEEP_MS = 300;
/** After so much silence nobody is taken to leave a message, or to go on with it. */
const SILENCE_MS = 5_000;
const LONGEST_MESSAGE_MS = 30_000;

/** Greets, beeps, takes a message of 30 s at most and hangs up. */
export class AnsweringMachine implements FarEnd {
  private phase: 'answering' | 'greeting' | 'beeping' | 'recording' | 'done' = 'answering';
  /** Since the phase began; while greeting, since it is silent again. */
  private phaseMs = 0;
  private greetedMs = 0;
  private isKnown = false;
  private silentMs = 0;
  private hasMessage = false;

  constructor(private readonly greeting: string) {}

  next(moment: FarEndMoment): FarEndAction | undefined {
    this.phaseMs += FRAME_MS;
    switch (this.phase) {
      case 'answering':
        return this.phaseMs >= BEFORE_GREETING_MS
          ? this.enter('greeting', { type: 'say', text: this.greeting })
          : undefined;
      case 'greeting':
        return this.greet(moment);
      case 'beeping':
        return moment.speaking ? undefined : this.enter('recording', { type: 'tell', signal: { type: 'beep' } });
      case 'recording':
        return this.record(moment);
      case 'done':
        return undefined;
    }
  }

  private greet({ speaking }: FarEndMoment): FarEndAction | undefined {
    if (!speaking) return this.phaseMs >= BEFORE_BEEP_MS ? this.enter('beeping', { type: 'beep' }) : undefined;
    this.phaseMs = 0;
    this.greetedMs += FRAME_MS;
    if (this.isKnown || this.greetedMs < LONG_GREETING_MS) return undefined;
    this.isKnown = true;
    return { type: 'tell', signal: { type: 'answered_by', by: 'machine', reason: 'long_greeting' } };
  }

  private record({ agentSpeaks }: FarEndMoment): FarEndAction | undefined {
    this.hasMessage ||= agentSpeaks;
    this.silentMs = agentSpeaks ? 0 : this.silentMs + FRAME_MS;
    if (this.phaseMs === GREETING_OVER_MS) return { type: 'tell', signal: { type: 'greeting_over' } };
    if (this.silentMs < SILENCE_MS && this.phaseMs < LONGEST_MESSAGE_MS) return undefined;
    const detail = this.hasMessage ? 'A machine answered and took a message' : 'A machine answered';
    return this.enter('done', {
      type: 'hang_up',
      end: { reason: 'voicemail_reached', by: 'system', sipCode: null, detail },
    });
  }

  private enter(phase: AnsweringMachine['phase'], action: FarEndAction): FarEndAction {
    this.phase = phase;
    this.phaseMs = 0;
    return action;
  }
}
