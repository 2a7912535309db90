import { FRAME_MS } from '../../lib/audio/index.js';
import { type FarEnd, type FarEndAction, type FarEndMoment } from './far-end.js';

/** A greeting of this length is a machine's (`lib/media/answer-detection`). */
const LONG_GREETING_MS = 2_500;
/** Silence after the greeting that ends it. */
const GREETING_OVER_MS = 1_200;
const BEFORE_GREETING_MS = 500;
const BEFORE_BEEP_MS = 300;
/** Silence that ends the message. */
const SILENCE_MS = 5_000;
const MAX_MESSAGE_MS = 30_000;

/** Plays its greeting, beeps, records a message of at most 30 s and hangs up. */
export class AnsweringMachine implements FarEnd {
  private phase: 'answering' | 'greeting' | 'beeping' | 'recording' | 'done' = 'answering';
  /** Time in the phase; while greeting, time of silence. */
  private phaseMs = 0;
  private greetedMs = 0;
  private isDetected = false;
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
        return moment.isSpeaking ? undefined : this.enter('recording', { type: 'signal', signal: { type: 'beep' } });
      case 'recording':
        return this.record(moment);
      case 'done':
        return undefined;
    }
  }

  private greet({ isSpeaking }: FarEndMoment): FarEndAction | undefined {
    if (!isSpeaking) return this.phaseMs >= BEFORE_BEEP_MS ? this.enter('beeping', { type: 'beep' }) : undefined;
    this.phaseMs = 0;
    this.greetedMs += FRAME_MS;
    if (this.isDetected || this.greetedMs < LONG_GREETING_MS) return undefined;
    this.isDetected = true;
    return { type: 'signal', signal: { type: 'answered_by', by: 'machine', reason: 'long_greeting' } };
  }

  private record({ agentSpeaks }: FarEndMoment): FarEndAction | undefined {
    this.hasMessage ||= agentSpeaks;
    this.silentMs = agentSpeaks ? 0 : this.silentMs + FRAME_MS;
    if (this.phaseMs === GREETING_OVER_MS) return { type: 'signal', signal: { type: 'greeting_over' } };
    if (this.silentMs < SILENCE_MS && this.phaseMs < MAX_MESSAGE_MS) return undefined;
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
