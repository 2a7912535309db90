import { type AudioPort, FRAME_SAMPLES, SAMPLE_RATE } from '../../lib/audio/index.js';
import { type LegEnd, type LegSignal, type TransferMode } from '../provider.js';
import { Callee } from './callee.js';
import { type FarEnd, type FarEndAction } from './far-end.js';
import { farEndOf } from './far-ends.js';
import { type LineMoment, SimulatedLine } from './simulated-line.js';
import { type SimulatorClock } from './simulator-clock.js';
import { type UntimedSignal } from './timed-signals.js';
import { farEndFor, type FarEndName } from './simulator-numbers.js';

/** How those at the far end speak and understand; PCM16 at 8 kHz. */
export interface SimulatorVoice {
  say(text: string): Int16Array;
  /** Empty for what it does not understand. */
  understand(pcm: Int16Array): string;
}

export interface SimulatedCallDeps {
  farEnd: FarEndName;
  clock: SimulatorClock;
  voice: SimulatorVoice;
  /** Writes down what happens, for all readers. */
  tell: (signal: LegSignal) => void;
}

/** What is louder is speech. */
const LOUD = 300;
/** Frames of the agent's words that are remembered: 20 s. */
const MOST_WORDS = 1_000;
const BEEP = Int16Array.from({ length: 0.4 * SAMPLE_RATE }, (_, i) =>
  Math.round(8_000 * Math.sin((2 * Math.PI * 1_000 * i) / SAMPLE_RATE)),
);

/** The open line of a leg, and who is at its far end. Lives and dies with the process that dialled. */
export class SimulatedCall {
  private readonly line: SimulatedLine;
  private farEnd: FarEnd;
  private words: Int16Array[] = [];
  private state: 'waiting' | 'open' | 'closed' = 'waiting';
  private transferredTo: string | undefined;

  constructor(private readonly parts: SimulatedCallDeps) {
    this.line = new SimulatedLine(parts.clock);
    this.farEnd = farEndOf(parts.farEnd);
  }

  get audio(): AudioPort {
    return this.line.audio;
  }

  /** The answer opens the line, the end closes it: before either is told. Told again, it changes nothing. */
  apply({ type }: LegSignal): void {
    if (type === 'answered') this.open();
    if (type === 'ended') this.close();
  }

  close(): void {
    this.state = 'closed';
    this.line.close();
  }

  /** Connects the far end with somebody else, if they answer: it says no more here, and is gone after a while. */
  transfer(to: string, mode: TransferMode): boolean {
    if (this.state !== 'open' || this.transferredTo !== undefined || farEndFor(to, 0) === undefined) return false;
    this.transferredTo = to;
    this.tell({ type: 'transferred', to, mode });
    this.line.hush();
    this.farEnd = new Callee({ lines: [], then: 'hang up' });
    return true;
  }

  /** Ends the leg for a reason of ours. */
  end(end: LegEnd): void {
    this.tell({ type: 'ended', ...end });
  }

  private open(): void {
    if (this.state !== 'waiting') return;
    this.state = 'open';
    this.line.open((moment) => {
      this.hear(moment);
    });
  }

  private hear({ heard, speaking }: LineMoment): void {
    const agentSpeaks = heard !== undefined && isLoud(heard);
    if (heard && this.words.push(heard.slice()) > MOST_WORDS) this.words.shift();
    const action = this.farEnd.next({ agentSpeaks, speaking, words: () => this.understand() });
    if (action) this.act(action);
  }

  private act(action: FarEndAction): void {
    this.words = [];
    switch (action.type) {
      case 'say':
        this.line.say(this.parts.voice.say(action.text));
        break;
      case 'beep':
        this.line.say(BEEP);
        break;
      case 'press':
        this.tell({ type: 'dtmf', digit: action.key });
        break;
      case 'tell':
        this.tell(action.signal);
        break;
      case 'hang_up':
        this.end(this.transferredTo === undefined ? action.end : afterTransfer(this.transferredTo));
        break;
    }
  }

  private understand(): string {
    const pcm = new Int16Array(this.words.length * FRAME_SAMPLES);
    this.words.forEach((frame, index) => {
      pcm.set(frame, index * FRAME_SAMPLES);
    });
    return this.parts.voice.understand(pcm);
  }

  private tell(signal: UntimedSignal): void {
    try {
      this.parts.tell({ ...signal, at: new Date() });
    } catch {
      // A disk that takes nothing. The line is dead then, and the limits of whoever speaks on it end the call.
      this.close();
    }
  }
}

const afterTransfer = (to: string): LegEnd => ({
  ...{ reason: 'call_transfer', by: 'customer', sipCode: null, detail: `Talked with ${to}` },
});

function isLoud(frame: Int16Array): boolean {
  for (let i = 0; i < frame.length; i += 4) if (Math.abs(frame[i] ?? 0) > LOUD) return true;
  return false;
}
