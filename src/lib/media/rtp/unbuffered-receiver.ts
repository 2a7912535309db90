import { decodeG711, type G711, FRAME_SAMPLES } from '../../audio/index.js';

/**
 * Ticks without a packet after which time goes on in silence. Long packets and late ones are waited for: what is only late
 * must not get silence into the middle of a word.
 */
const PATIENT_TICKS = 10;
/** What is further ahead than this, samples, is another timeline; what was lost before it is not made up for. */
const MAX_LOST = 8_000;
/** Packets in a row that all come too late are another timeline as well. */
const STRAYS = 3;

/**
 * Passes audio to the conversation as it arrives, in frames of 20 ms. No speaker plays it, so it skips the jitter buffer,
 * which cost each reply 20 to 40 ms, and 200 ms after a stall of the line. A late packet is dropped, a lost packet becomes
 * silence. Pure: `tick` is the clock.
 */
export class UnbufferedReceiver {
  private frame = new Int16Array(FRAME_SAMPLES);
  private filled = 0;
  private ssrc: number | undefined;
  /** The timestamp after the last passed sample. */
  private next = 0;
  private idleTicks = 0;
  private strays = 0;
  /** The timestamp that continues the last one that came too late. */
  private nextStray = 0;

  /** `heard` receives a frame, which is reused later, and the number of frames after it in the same packet. */
  constructor(private readonly heard: (frame: Int16Array, behind: number) => void) {}

  packet({ ssrc, timestamp, payload }: { ssrc: number; timestamp: number; payload: Buffer }, codec: G711): void {
    const ahead = (timestamp - this.next) | 0;
    let isNew = ssrc !== this.ssrc || Math.abs(ahead) > MAX_LOST;
    if (!isNew && ahead < 0) {
      this.strays = timestamp === this.nextStray ? this.strays + 1 : 1;
      this.nextStray = (timestamp + payload.length) >>> 0;
      if (this.strays < STRAYS) return;
      isNew = true;
    }
    this.strays = 0;
    // Silence already took the place of this audio.
    if (!isNew && this.idleTicks <= PATIENT_TICKS) this.add(new Int16Array(ahead));
    this.ssrc = ssrc;
    this.next = (timestamp + payload.length) >>> 0;
    this.idleTicks = 0;
    this.add(decodeG711(codec, payload));
  }

  /** 20 ms have passed. */
  tick(): void {
    if (++this.idleTicks <= PATIENT_TICKS) return;
    // Phones that send no silence: the ticks that were waited for belong to it.
    const ticks = this.idleTicks === PATIENT_TICKS + 1 ? this.idleTicks : 1;
    this.add(new Int16Array(ticks * FRAME_SAMPLES));
  }

  private add(pcm: Int16Array): void {
    let behind = Math.floor((this.filled + pcm.length) / FRAME_SAMPLES);
    for (let at = 0; at < pcm.length;) {
      const part = pcm.subarray(at, at + FRAME_SAMPLES - this.filled);
      this.frame.set(part, this.filled);
      this.filled += part.length;
      at += part.length;
      if (this.filled < FRAME_SAMPLES) return;
      this.filled = 0;
      this.heard(this.frame, --behind);
    }
  }
}
