import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseWav } from '../../src/lib/audio/wav.js';
import { resample } from '../../src/lib/audio/resampler.js';
import { joined, silence, speech as synthesize } from '../support/audio.js';
import { type Fingerprint, fingerprint, likeness } from './fingerprint.js';

const run = promisify(execFile);
/** Of OpenAI's `pcm`. */
export const SPEECH_RATE = 24_000;
/** What is as like as this was the same sound. Other sentences of the same voice stay around 0.5 and below. */
const SAME = 0.65;
const MAX_KNOWN = 500;

export type VoiceKind = 'flite' | 'synthetic';

/** Whether `flite` is installed. */
export async function hasFlite(): Promise<boolean> {
  return run('flite', ['--version']).then(
    () => true,
    (error: unknown) => (error as { code?: unknown }).code !== 'ENOENT',
  );
}

/** Says texts, always in the same way, and recognizes afterwards what it has said. */
export class Voices {
  private readonly said = new Map<string, Promise<Int16Array>>();
  /** Not looked at yet: whoever only speaks pays nothing for hearing. */
  private readonly fresh: [text: string, pcm: Int16Array][] = [];
  private readonly known = new Map<string, Fingerprint>();

  constructor(readonly kind: VoiceKind) {}

  /** @returns PCM16 at 24 kHz */
  say(text: string): Promise<Int16Array> {
    let pcm = this.said.get(text);
    if (!pcm) {
      pcm = this.make(text);
      if (this.said.size < MAX_KNOWN) this.said.set(text, pcm);
    }
    return pcm;
  }

  /** @returns PCM16 at 8 kHz, as telephones hear it */
  async sayOnLine(text: string): Promise<Int16Array> {
    return resample(await this.say(text), SPEECH_RATE, 8_000);
  }

  /** @param pcm at 8 kHz. @returns what was said; undefined when it was never said here */
  recognize(pcm: Int16Array): string | undefined {
    const heard = fingerprint(pcm);
    for (const [text, said] of this.fresh.splice(0)) this.known.set(text, fingerprint(said));
    let best: { text: string | undefined; score: number } = { text: undefined, score: SAME };
    for (const [text, known] of this.known) {
      const score = likeness(known, heard);
      if (score > best.score) best = { text, score };
    }
    return best.text;
  }

  private async make(text: string): Promise<Int16Array> {
    const pcm = this.kind === 'flite' ? await flite(text) : synthetic(text);
    const isNew = this.known.size + this.fresh.length < MAX_KNOWN;
    if (isNew) this.fresh.push([text, resample(pcm, SPEECH_RATE, 8_000)]);
    return pcm;
  }
}

/** Sounds like speech to whoever measures it: the same word always sounds the same; about 15 characters a second. */
function synthetic(text: string): Int16Array {
  const words = text.split(/\s+/).filter(Boolean);
  const parts = words.flatMap((word) => {
    const seed = createHash('sha256').update(word).digest().readUInt32LE(0);
    return [synthesize(Math.max(0.15, word.length / 15), seed), silence(0.06)];
  });
  return resample(joined(...parts), 8_000, SPEECH_RATE);
}

async function flite(text: string): Promise<Int16Array> {
  const folder = await mkdtemp(join(tmpdir(), 'outdial-lab-'));
  try {
    const file = join(folder, 'said.wav');
    await run('flite', ['-voice', 'rms', '-t', text, '-o', file]);
    const { sampleRate, channels } = parseWav(await readFile(file));
    return resample(channels[0], sampleRate, SPEECH_RATE);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
