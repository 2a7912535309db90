import { open, type FileHandle } from 'node:fs/promises';
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE, WAV_HEADER_BYTES, wavHeader } from '../audio/index.js';

/** A quarter of a second less than what a kill may cost: writing takes its time as well. */
const CHUNK_FRAMES = 37;
const SAMPLES_PER_FRAME = 2 * FRAME_SAMPLES;
const BYTES_PER_FRAME = 2 * SAMPLES_PER_FRAME;
/** Ten seconds of audio that the disk did not take are all that memory is spent on. */
const MAX_CHUNKS = 14;

interface Chunk {
  samples: Int16Array;
  /** Of its first frame, since the answer. */
  frame: number;
  frames: number;
}

/**
 * Writes a call to a stereo WAV file: the customer left, the agent right, a frame of 20 ms for every 20 ms since the
 * answer. Writing is asynchronous and one at a time; each chunk has its place in the file, so that one which had to be
 * dropped leaves silence and shifts nothing.
 */
export class Recorder {
  private file: FileHandle | undefined;
  private current: Chunk | undefined;
  private readonly waiting: Chunk[] = [];
  private readonly free: Int16Array[] = [];
  private chunks = 0;
  private frames = 0;
  private working: Promise<void>;
  private idle = false;
  private failed = false;

  /** Creates the file, for its owner only. `onFailure` is called once, when something of the call is missing in it. */
  constructor(
    path: string,
    private readonly onFailure: (detail: string) => void,
  ) {
    this.working = this.create(path);
  }

  /** The next 20 ms of both; undefined is silence. */
  frame(left: Int16Array | undefined, right: Int16Array | undefined): void {
    const chunk = (this.current ??= this.newChunk());
    if (chunk) {
      let at = chunk.frames * SAMPLES_PER_FRAME;
      for (let i = 0; i < FRAME_SAMPLES; i++) {
        chunk.samples[at++] = left ? (left[i] ?? 0) : 0;
        chunk.samples[at++] = right ? (right[i] ?? 0) : 0;
      }
      chunk.frames++;
    }
    this.frames++;
    if (chunk?.frames === CHUNK_FRAMES) this.handOver();
  }

  /** Time that passed without audio. */
  silence(frames: number): void {
    if (frames <= 0) return;
    // A hole in the file reads as zeros: nothing is written for it.
    if (this.current) this.handOver();
    this.frames += frames;
  }

  /** Writes what is left and the true sizes. Resolves with the milliseconds recorded; null when there is no file. */
  async close(): Promise<number | null> {
    if (this.current) this.handOver();
    await this.working;
    const { file } = this;
    this.file = undefined;
    if (!file) return null;
    try {
      const dataBytes = this.frames * BYTES_PER_FRAME;
      // Silence at the end is a hole as well.
      await file.truncate(WAV_HEADER_BYTES + dataBytes);
      await file.write(wavHeader(dataBytes, 2), 0, WAV_HEADER_BYTES, 0);
    } catch (error) {
      this.fail(error);
    } finally {
      await file.close().catch((error: unknown) => {
        this.fail(error);
      });
    }
    return (this.frames * FRAME_SAMPLES * 1_000) / SAMPLE_RATE;
  }

  private async create(path: string): Promise<void> {
    try {
      const file = await open(path, 'w', 0o600);
      this.file = file;
      // The mode above is for a new file only.
      await file.chmod(0o600);
      await file.write(wavHeader(0, 2), 0, WAV_HEADER_BYTES, 0);
    } catch (error) {
      this.fail(error);
    }
    await this.drain();
  }

  private newChunk(): Chunk | undefined {
    if (this.failed && !this.file) return undefined;
    let samples = this.free.pop();
    if (!samples) {
      if (this.chunks >= MAX_CHUNKS) {
        this.fail(
          new Error(`the disk is more than ${Math.round((MAX_CHUNKS * CHUNK_FRAMES * FRAME_MS) / 1_000)} s behind`),
        );
        return undefined;
      }
      samples = new Int16Array(CHUNK_FRAMES * SAMPLES_PER_FRAME);
      this.chunks++;
    }
    return { samples, frame: this.frames, frames: 0 };
  }

  private handOver(): void {
    if (!this.current) return;
    this.waiting.push(this.current);
    this.current = undefined;
    if (this.idle) this.working = this.drain();
  }

  private async drain(): Promise<void> {
    this.idle = false;
    for (let chunk = this.waiting.shift(); chunk; chunk = this.waiting.shift()) {
      try {
        const position = WAV_HEADER_BYTES + chunk.frame * BYTES_PER_FRAME;
        await this.file?.write(new Uint8Array(chunk.samples.buffer), 0, chunk.frames * BYTES_PER_FRAME, position);
      } catch (error) {
        this.fail(error);
      }
      this.free.push(chunk.samples);
    }
    this.idle = true;
  }

  private fail(error: unknown): void {
    if (this.failed) return;
    this.failed = true;
    this.onFailure(error instanceof Error ? error.message : String(error));
  }
}
