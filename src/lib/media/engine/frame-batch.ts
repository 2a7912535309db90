import { FRAME_SAMPLES } from '../../audio/index.js';

const HEADER_BYTES = 8;
const ENTRY_BYTES = HEADER_BYTES + 2 * FRAME_SAMPLES;

/** Puts the frames of a tick into one buffer: to send a message per session cost more than all the rest of it. */
export class FrameBatch {
  private buffer = new ArrayBuffer(16 * ENTRY_BYTES);
  private count = 0;

  add(session: number, atMs: number, pcm: Int16Array): void {
    if ((this.count + 1) * ENTRY_BYTES > this.buffer.byteLength) this.grow();
    const at = this.count * ENTRY_BYTES;
    const header = new Uint32Array(this.buffer, at, 2);
    header[0] = session;
    header[1] = atMs;
    new Int16Array(this.buffer, at + HEADER_BYTES, FRAME_SAMPLES).set(pcm);
    this.count++;
  }

  /** All frames since the last time, to be given away; undefined when there are none. */
  take(): ArrayBuffer | undefined {
    if (this.count === 0) return undefined;
    const frames = this.buffer.slice(0, this.count * ENTRY_BYTES);
    this.count = 0;
    return frames;
  }

  private grow(): void {
    const larger = new ArrayBuffer(2 * this.buffer.byteLength);
    new Uint8Array(larger).set(new Uint8Array(this.buffer));
    this.buffer = larger;
  }
}

/** Calls back for each frame of a batch; it is the callee's to keep. */
export function readFrames(
  frames: ArrayBuffer,
  each: (session: number, atMs: number, frame: Int16Array) => void,
): void {
  for (let at = 0; at + ENTRY_BYTES <= frames.byteLength; at += ENTRY_BYTES) {
    const [session = 0, atMs = 0] = new Uint32Array(frames, at, 2);
    each(session, atMs, new Int16Array(frames, at + HEADER_BYTES, FRAME_SAMPLES).slice());
  }
}
