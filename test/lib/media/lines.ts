/** What the specs of media share: sessions that talk to each other, and sound that can be recognised. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MediaEngine, type MediaEngineOptions } from '../../../src/lib/media/engine/media-engine.js';
import { type MediaEvent, type MediaSession, type MediaSessionOptions } from '../../../src/lib/media/media-session.js';
import { type NegotiatedMedia } from '../../../src/lib/media/media-types.js';

export const LOOPBACK = '127.0.0.1';

/** Engines, and a folder, that are gone when the test is over. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'outdial-media-'));
  private readonly engines: MediaEngine[] = [];

  async engine(options: Partial<MediaEngineOptions> = {}): Promise<MediaEngine> {
    const engine = await MediaEngine.start({ address: LOOPBACK, ...options });
    this.engines.push(engine);
    return engine;
  }

  async close(): Promise<void> {
    await Promise.all(this.engines.map((engine) => engine.close()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What was agreed on with someone who listens there. */
export function negotiated(
  far: { address: string; port: number; rtcpPort?: number },
  changes: Partial<NegotiatedMedia> = {},
): NegotiatedMedia {
  return {
    address: far.address,
    port: far.port,
    rtcpPort: far.rtcpPort ?? far.port,
    codec: 'PCMU',
    payloadTypes: { PCMU: 0, PCMA: 8 },
    dtmfPayloadType: 101,
    ptimeMs: 20,
    sends: true,
    receives: true,
    srtp: undefined,
    ...changes,
  };
}

/** Two sessions that have answered each other. */
export async function conversation(
  engine: MediaEngine,
  changes: { a?: Partial<NegotiatedMedia>; b?: Partial<NegotiatedMedia> } = {},
  options: { a?: MediaSessionOptions; b?: MediaSessionOptions } = {},
): Promise<[MediaSession, MediaSession]> {
  const [a, b] = await Promise.all([engine.open(options.a ?? {}), engine.open(options.b ?? {})]);
  a.connect(negotiated(b.local, changes.a));
  b.connect(negotiated(a.local, changes.b));
  const at = new Date();
  a.answered(at);
  b.answered(at);
  return [a, b];
}

/** Everything that a session hears. */
export class Ear {
  readonly frames: Int16Array[] = [];
  readonly moments: number[] = [];
  private readonly waiting: { enough: () => boolean; resolve: () => void }[] = [];
  private readonly stop: () => void;

  constructor(session: MediaSession) {
    this.stop = session.audio.listen((frame, atMs) => {
      this.frames.push(frame);
      this.moments.push(atMs);
      for (const { enough, resolve } of this.waiting) if (enough()) resolve();
    });
  }

  get samples(): Int16Array {
    const all = new Int16Array(this.frames.length * 160);
    for (const [i, frame] of this.frames.entries()) all.set(frame, i * 160);
    return all;
  }

  /** Resolves at the first frame from which on that is so. */
  until(enough: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ enough, resolve });
    });
  }

  /** So many frames more. */
  frameCount(more: number): Promise<void> {
    const end = this.frames.length + more;
    return this.until(() => this.frames.length >= end);
  }

  get isLoud(): boolean {
    return isLoud(this.frames.at(-1));
  }

  close(): void {
    this.stop();
  }
}

export const isLoud = (frame: Int16Array | undefined): boolean =>
  frame?.some((sample) => Math.abs(sample) > 500) ?? false;

/** The first event of a kind. */
export async function eventOf<T extends MediaEvent['type']>(
  session: MediaSession,
  type: T,
): Promise<Extract<MediaEvent, { type: T }>> {
  for await (const event of session.events) if (event.type === type) return event as Extract<MediaEvent, { type: T }>;
  throw new Error(`the session ended without ${type}`);
}

/** A sweep with a rhythm, which matches itself in one place only. */
export function chirp(ms: number, amplitude = 8_000): Int16Array {
  const length = ms * 8;
  let phase = 0;
  return Int16Array.from({ length }, (_, i) => {
    phase += (2 * Math.PI * (300 + (2_500 * i) / length)) / 8_000;
    return amplitude * Math.sin(phase);
  });
}

/** Where in `heard` the sound begins, and how alike the two are there: 1 is the same. */
export function correlate(heard: Int16Array, sound: Int16Array): { at: number; likeness: number } {
  let best = { at: -1, likeness: 0 };
  // A sweep matches within a few samples only: coarse steps would pass over the place.
  const first = heard.findIndex((sample) => Math.abs(sample) > 100);
  for (let at = Math.max(0, first - 400); at < first + 400 && at + sound.length <= heard.length; at++) {
    const likeness = likenessAt(heard, sound, at);
    if (likeness > best.likeness) best = { at, likeness };
  }
  return best;
}

function likenessAt(heard: Int16Array, sound: Int16Array, at: number): number {
  let product = 0;
  let heardEnergy = 0;
  let soundEnergy = 0;
  for (let i = 0; i < sound.length; i++) {
    const [x, y] = [heard[at + i] ?? 0, sound[i] ?? 0];
    product += x * y;
    heardEnergy += x * x;
    soundEnergy += y * y;
  }
  return heardEnergy === 0 ? 0 : product / Math.sqrt(heardEnergy * soundEnergy);
}
