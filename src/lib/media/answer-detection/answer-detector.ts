import { FRAME_MS, FRAME_SAMPLES, energy, ToneBank, VoiceActivity } from '../../audio/index.js';
import { BeepDetector } from './beep-detector.js';
import { type AnsweredBy } from '../media-types.js';

/** People say a word or two and wait; machines explain. */
const LONG_GREETING_MS = 2_500;
const HUMAN_SILENCE_MS = 500;
const NO_SPEECH_MS = 6_000;
/** A pause of this length ends the greeting of a machine. */
const GREETING_OVER_MS = 1_200;
/** No voicemail greeting is longer than a minute, and beep detection is the largest CPU cost of a line. */
const LISTEN_MS = 60_000;
/** Speech begins after this, and ends after that: pauses between words are shorter. */
const SPEECH = { startMs: 80, endMs: 200 };
/** Blocks of 100 ms separate speech from call progress tones; they resolve 440 and 480 Hz. */
const BLOCK_FRAMES = 5;
/** Ringing, busy and dial tones of most countries (ITU-T E.180 supplement 2). */
const PROGRESS_HZ = [350, 400, 425, 440, 450, 480, 620];
const PROGRESS_SHARE = 0.65;
const PROGRESS_MIN_AMPLITUDE = 50;

export type AnswerFinding = { type: 'answered-by'; answer: AnsweredBy } | { type: 'beep' } | { type: 'greeting-over' };

/**
 * Decides between person and machine by the timing of speech: a short greeting and then silence is a person, a long
 * greeting a machine. Ringing after the answer, behind a switchboard, counts as neither. Pure; takes frames of 20 ms from
 * the answer on.
 */
export class AnswerDetector {
  private readonly voice = new VoiceActivity(SPEECH);
  private readonly beeps = new BeepDetector();
  private readonly progress = new ToneBank(PROGRESS_HZ, BLOCK_FRAMES * FRAME_SAMPLES);
  private readonly block = new Int16Array(BLOCK_FRAMES * FRAME_SAMPLES);
  private readonly toneInFrame: boolean[] = [];

  private listenedMs = 0;
  private speechMs = 0;
  private silenceMs = 0;
  private answer: AnsweredBy | undefined;
  private greetingIsOver = false;

  /** Nothing will be found any more: there is no need to push. */
  get isDone(): boolean {
    return this.listenedMs >= LISTEN_MS;
  }

  push(frame: Int16Array): AnswerFinding[] {
    const findings: AnswerFinding[] = [];
    if (this.beeps.push(frame)) this.beep(findings);
    this.block.set(frame, this.toneInFrame.length * FRAME_SAMPLES);
    this.toneInFrame.push(this.beeps.inTone);
    if (this.toneInFrame.length < BLOCK_FRAMES) return findings;
    const isProgress = this.isCallProgress();
    for (const [i, inTone] of this.toneInFrame.splice(0).entries()) {
      const part = this.block.subarray(i * FRAME_SAMPLES, (i + 1) * FRAME_SAMPLES);
      this.follow(isProgress || inTone ? undefined : part, findings);
    }
    return findings;
  }

  private beep(findings: AnswerFinding[]): void {
    this.conclude({ by: 'machine', reason: 'beep' }, findings);
    findings.push({ type: 'beep' });
  }

  /** One frame later; undefined for tones, which are neither speech nor silence. */
  private follow(frame: Int16Array | undefined, findings: AnswerFinding[]): void {
    this.listenedMs += FRAME_MS;
    const change = frame ? this.voice.push(frame) : this.voice.skip();
    if (this.voice.speaking) {
      this.speechMs += change === 'start' ? SPEECH.startMs : FRAME_MS;
      this.silenceMs = 0;
    } else if (change === 'end') this.silenceMs = SPEECH.endMs;
    else if (frame) this.silenceMs += FRAME_MS;
    if (change === 'end') this.speechMs -= SPEECH.endMs - FRAME_MS;
    if (!this.answer) this.judge(findings);
    else if (this.answer.by === 'machine') this.awaitEnd(findings);
  }

  private judge(findings: AnswerFinding[]): void {
    if (this.speechMs > LONG_GREETING_MS) this.conclude({ by: 'machine', reason: 'long_greeting' }, findings);
    else if (this.speechMs > 0 && !this.voice.speaking && this.silenceMs >= HUMAN_SILENCE_MS)
      this.conclude({ by: 'human', reason: 'short_greeting' }, findings);
    else if (this.speechMs === 0 && this.listenedMs >= NO_SPEECH_MS)
      this.conclude({ by: 'unknown', reason: 'no_speech' }, findings);
  }

  private awaitEnd(findings: AnswerFinding[]): void {
    if (this.greetingIsOver || this.voice.speaking || this.silenceMs < GREETING_OVER_MS) return;
    this.greetingIsOver = true;
    findings.push({ type: 'greeting-over' });
  }

  private conclude(answer: AnsweredBy, findings: AnswerFinding[]): void {
    if (this.answer) return;
    this.answer = answer;
    findings.push({ type: 'answered-by', answer });
  }

  private isCallProgress(): boolean {
    const total = energy(this.block);
    if (Math.sqrt(total / this.block.length) < PROGRESS_MIN_AMPLITUDE) return false;
    // Neighbours share some energy, so that two tones can add up to more than all of it.
    const [first = 0, second = 0] = [...this.progress.energies(this.block)].sort((a, b) => b - a);
    return first + second >= PROGRESS_SHARE * total;
  }
}
