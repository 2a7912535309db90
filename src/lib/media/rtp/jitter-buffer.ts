import { FRAME_SAMPLES, G711_CODECS } from '../../audio/index.js';
import { type G711 } from '../media-types.js';

/** The buffer holds units of 10 ms: the usual packets of 10 to 60 ms are whole numbers of them. */
const UNIT_SAMPLES = 80;
const UNITS_PER_FRAME = FRAME_SAMPLES / UNIT_SAMPLES;
const SLOTS = 64;
/** The number of the first unit: those before it are no negative numbers then. */
const ORIGIN = 1_000;
const MIN_DEPTH = 4;
const MAX_DEPTH = 24;
/** Longest fill of the buffer in units. Beyond it the buffer drops the oldest audio to limit the latency. */
const MAX_LEVEL = 40;
/** So many packets in a row from elsewhere in time are a new timeline and no strays. */
const STRAYS_UNTIL_JUMP = 3;
/** After so many units of nothing, what comes next begins anew. */
const IDLE_UNITS = 20;
/** Frames over which the lowest level is looked for, before the delay is shortened. */
const WINDOW_FRAMES = 100;
/** Most audio to drop at once: a gap of 20 ms is hardly audible. */
const MAX_STEP = 2;
const CALM_FRAMES_PER_STEP = 500;
/** Concealment repeats 20 ms with a fade: longer repetition sounds like a buzz. */
const FADE_PER_UNIT = 0.6;
const SILENT_BELOW = 0.05;

export type HeardFrame = 'audio' | 'concealed' | 'nothing';

/**
 * Orders audio by its RTP timestamp and hands out 20 ms whenever asked. Its delay grows when packets come late and
 * shrinks, up to 20 ms at a time, when it was not needed, which also takes up the drift of the two clocks. No clock inside.
 */
export class JitterBuffer {
  /** Packets after their playout time or beyond the size of the buffer. */
  late = 0;
  duplicates = 0;
  concealedFrames = 0;

  private readonly samples = new Int16Array(SLOTS * UNIT_SAMPLES);
  private readonly unitOf = new Int32Array(SLOTS);
  private readonly heardUnitOf = new Int32Array(SLOTS);
  private readonly last = new Int16Array(UNIT_SAMPLES);
  private gain = 0;
  private ssrc: number | undefined;
  /** The timestamp of the first unit; undefined: the next packet sets it. */
  private base: number | undefined;
  private next = ORIGIN;
  private end = ORIGIN;
  private playing = false;
  private depth = MIN_DEPTH;
  private strays = 0;
  /** Units handed out since the buffer ran empty, without moving on. */
  private stalled = 0;
  private lowest = SLOTS;
  private framesInWindow = 0;
  private calmFrames = 0;

  /** How long audio waits at present, milliseconds. */
  get delayMs(): number {
    return this.depth * 10;
  }

  push(packet: { ssrc: number; timestamp: number; payload: Buffer }, codec: G711): void {
    const units = Math.round(packet.payload.length / UNIT_SAMPLES);
    if (units === 0 || units > SLOTS / 2) return;
    if (packet.ssrc !== this.ssrc) {
      this.ssrc = packet.ssrc;
      this.restart();
    }
    let unit = this.place(packet.timestamp);
    if (unit === undefined) return;
    if (!this.playing && unit < this.next) this.next = Math.max(unit, this.end - SLOTS);
    this.skipConcealed(unit);
    const used = this.store(unit, units, packet.payload, codec);
    if (used === 'late') this.tooLate();
    else if (used === 'duplicate') this.duplicates++;
    unit += units;
    if (unit > this.end) this.end = unit;
    if (this.end - this.next > MAX_LEVEL) this.late += Math.round(this.dropTo(this.end - this.depth) / units);
  }

  /** Fills `out` with 20 ms and tells what they are. */
  pop(out: Int16Array): HeardFrame {
    if (!this.playing) {
      if (this.base === undefined || this.end - this.next < this.depth) {
        out.fill(0);
        return 'nothing';
      }
      this.playing = true;
    }
    this.adapt();
    let heard = 0;
    for (let half = 0; half < UNITS_PER_FRAME; half++) if (this.takeUnit(out, half * UNIT_SAMPLES)) heard++;
    if (this.stalled > IDLE_UNITS) {
      this.restart();
      out.fill(0);
      return 'nothing';
    }
    if (heard === UNITS_PER_FRAME) return 'audio';
    this.concealedFrames++;
    return 'concealed';
  }

  /** Forgets what waits: what comes next begins anew. */
  restart(): void {
    this.base = undefined;
    this.next = ORIGIN;
    this.end = ORIGIN;
    this.playing = false;
    this.strays = 0;
    this.stalled = 0;
    this.lowest = SLOTS;
    this.framesInWindow = 0;
    this.unitOf.fill(0);
    this.heardUnitOf.fill(0);
  }

  /** The unit of a timestamp; undefined for a stray from elsewhere in time. */
  private place(timestamp: number): number | undefined {
    this.base ??= timestamp;
    const unit = ORIGIN + Math.round(((timestamp - this.base) | 0) / UNIT_SAMPLES);
    if (unit >= this.next + SLOTS || unit < this.next - SLOTS) {
      if (++this.strays < STRAYS_UNTIL_JUMP) return undefined;
      this.restart();
      this.base = timestamp;
      return ORIGIN;
    }
    this.strays = 0;
    return unit;
  }

  /** Audio that was lost while the buffer was empty has been concealed already: it is not waited for again. */
  private skipConcealed(unit: number): void {
    if (this.stalled === 0 || unit < this.next) return;
    this.next += Math.min(this.stalled, unit - this.next);
    this.stalled = 0;
  }

  private store(unit: number, units: number, payload: Buffer, codec: G711): 'stored' | 'late' | 'duplicate' {
    const { decode } = G711_CODECS[codec];
    let result: 'stored' | 'late' | 'duplicate' = 'late';
    for (let i = 0; i < units; i++) {
      const at = unit + i;
      const slot = at % SLOTS;
      if (at < this.next && this.heardUnitOf[slot] !== at) continue;
      if (this.unitOf[slot] === at || at < this.next) {
        if (result === 'late') result = 'duplicate';
        continue;
      }
      this.unitOf[slot] = at;
      result = 'stored';
      const from = i * UNIT_SAMPLES;
      for (let k = 0; k < UNIT_SAMPLES; k++) {
        const byte = payload[from + k];
        this.samples[slot * UNIT_SAMPLES + k] = byte === undefined ? 0 : (decode[byte] ?? 0);
      }
    }
    return result;
  }

  private tooLate(): void {
    this.late++;
    this.calmFrames = 0;
    this.depth = Math.min(MAX_DEPTH, this.depth + 2);
    // Waiting longer is what makes the deeper buffer: the next frame is concealed instead of taken.
    this.next -= UNITS_PER_FRAME;
  }

  /** Goes on there; returns how many units of audio that leaves unheard. */
  private dropTo(unit: number): number {
    let dropped = 0;
    for (; this.next < unit; this.next++) if (this.unitOf[this.next % SLOTS] === this.next) dropped++;
    return dropped;
  }

  private takeUnit(out: Int16Array, at: number): boolean {
    const slot = this.next % SLOTS;
    if (this.unitOf[slot] === this.next) {
      const unit = this.samples.subarray(slot * UNIT_SAMPLES, (slot + 1) * UNIT_SAMPLES);
      out.set(unit, at);
      this.last.set(unit);
      this.gain = 1;
      this.unitOf[slot] = 0;
      this.heardUnitOf[slot] = this.next;
      this.next++;
      this.stalled = 0;
      return true;
    }
    if (this.end > this.next) this.next++;
    else this.stalled++;
    this.conceal(out, at);
    return false;
  }

  private conceal(out: Int16Array, at: number): void {
    this.gain = this.gain < SILENT_BELOW ? 0 : this.gain * FADE_PER_UNIT;
    for (let i = 0; i < UNIT_SAMPLES; i++) out[at + i] = Math.trunc((this.last[i] ?? 0) * this.gain);
  }

  /** Once a window: a little less to wait when even at the lowest level more was there than is needed. */
  private adapt(): void {
    const level = this.end - this.next;
    if (level < this.lowest) this.lowest = level;
    if (++this.calmFrames >= CALM_FRAMES_PER_STEP) {
      this.calmFrames = 0;
      this.depth = Math.max(MIN_DEPTH, this.depth - 1);
    }
    if (++this.framesInWindow < WINDOW_FRAMES) return;
    // Right before a packet of 60 ms comes, the level of a good line is its depth less that packet.
    if (this.lowest > this.depth) this.next += Math.min(MAX_STEP, this.lowest - this.depth);
    this.framesInWindow = 0;
    this.lowest = SLOTS;
  }
}
