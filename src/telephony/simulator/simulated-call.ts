import { type AudioPort, FRAME_SAMPLES, SAMPLE_RATE } from '../../lib/audio/index.js';
import { type LegEnd, type LegSignal, type TransferMode } from '../provider.js';
import { Callee } from './callee.js';
import { type FarEnd, type FarEndAction } from './far-end.js';
import { createFarEnd } from './far-ends.js';
import { type LineMoment, SimulatedLine } from './simulated-line.js';
import { type SimulatorClock } from './simulator-clock.js';
import { farEndFor, type FarEndName } from './simulator-numbers.js';
import { type UntimedSignal } from './timed-signals.js';

/** Speech of far ends; PCM16 at 8 kHz. */
export interface SimulatorVoice {
  synthesize(text: string): Int16Array;
  /** @returns an empty text for audio that is no speech */
  transcribe(pcm: Int16Array): string;
}

export interface SimulatedCallDeps {
  farEnd: FarEndName;
  clock: SimulatorClock;
  voice: SimulatorVoice;
  /** Records a signal for all readers of the leg. */
  emit: (signal: LegSignal) => void;
}

/** Louder samples are speech. */
const SPEECH_LEVEL = 300;
/** Frames of agent audio kept for transcription: 20 s. */
const MAX_AGENT_FRAMES = 1_000;
const BEEP = Int16Array.from({ length: 0.4 * SAMPLE_RATE }, (_, i) =>
  Math.round(8_000 * Math.sin((2 * Math.PI * 1_000 * i) / SAMPLE_RATE)),
);

/** The open line of a leg with its far end. Lives and dies with the process that dialled. */
export class SimulatedCall {
  private readonly line: SimulatedLine;
  private farEnd: FarEnd;
  private agentFrames: Int16Array[] = [];
  private status: 'ringing' | 'open' | 'closed' = 'ringing';
  private transferredTo: string | undefined;

  constructor(private readonly deps: SimulatedCallDeps) {
    this.line = new SimulatedLine(deps.clock);
    this.farEnd = createFarEnd(deps.farEnd);
  }

  get audio(): AudioPort {
    return this.line.audio;
  }

  /** Opens the line with the answer and closes it with the end, before a reader gets the signal. Idempotent. */
  apply({ type }: LegSignal): void {
    if (type === 'answered') this.open();
    if (type === 'ended') this.close();
  }

  close(): void {
    this.status = 'closed';
    this.line.close();
  }

  /**
   * Connects the far end with another number: it is silent here and hangs up after a while.
   * @returns whether that number answers
   */
  transfer(to: string, mode: TransferMode): boolean {
    if (this.status !== 'open' || this.transferredTo !== undefined || farEndFor(to, 0) === undefined) return false;
    this.transferredTo = to;
    this.emit({ type: 'transferred', to, mode });
    this.line.clear();
    this.farEnd = new Callee({ lines: [], then: 'hang up' });
    return true;
  }

  end(end: LegEnd): void {
    this.emit({ type: 'ended', ...end });
  }

  private open(): void {
    if (this.status !== 'ringing') return;
    this.status = 'open';
    this.line.open((moment) => {
      this.advance(moment);
    });
  }

  private advance({ fromAgent, isSpeaking }: LineMoment): void {
    const agentSpeaks = fromAgent !== undefined && isSpeech(fromAgent);
    if (fromAgent && this.agentFrames.push(fromAgent.slice()) > MAX_AGENT_FRAMES) this.agentFrames.shift();
    const action = this.farEnd.next({ agentSpeaks, isSpeaking, transcribeAgent: () => this.transcribeAgent() });
    if (action) this.perform(action);
  }

  private perform(action: FarEndAction): void {
    this.agentFrames = [];
    switch (action.type) {
      case 'say':
        this.line.play(this.deps.voice.synthesize(action.text));
        break;
      case 'beep':
        this.line.play(BEEP);
        break;
      case 'press':
        this.emit({ type: 'dtmf', digit: action.key });
        break;
      case 'signal':
        this.emit(action.signal);
        break;
      case 'hang_up':
        this.end(this.transferredTo === undefined ? action.end : endOfTransfer(this.transferredTo));
        break;
    }
  }

  private transcribeAgent(): string {
    const pcm = new Int16Array(this.agentFrames.length * FRAME_SAMPLES);
    this.agentFrames.forEach((frame, index) => {
      pcm.set(frame, index * FRAME_SAMPLES);
    });
    return this.deps.voice.transcribe(pcm);
  }

  private emit(signal: UntimedSignal): void {
    try {
      this.deps.emit({ ...signal, at: new Date() });
    } catch {
      // The ledger cannot be written. A dead line lets the time limits of the session end the call.
      this.close();
    }
  }
}

const endOfTransfer = (to: string): LegEnd => ({
  reason: 'call_transfer',
  by: 'customer',
  sipCode: null,
  detail: `Talked with ${to}`,
});

function isSpeech(frame: Int16Array): boolean {
  for (let i = 0; i < frame.length; i += 4) if (Math.abs(frame[i] ?? 0) > SPEECH_LEVEL) return true;
  return false;
}
