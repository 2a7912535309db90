import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseWav } from '../../../src/lib/audio/wav.js';
import { type MediaEngine } from '../../../src/lib/media/engine/media-engine.js';
import { type MediaSession } from '../../../src/lib/media/media-session.js';
import { type NegotiatedMedia } from '../../../src/lib/media/media-types.js';
import { energy } from '../../../src/lib/audio/noise-floor.js';
import { ToneBank } from '../../../src/lib/audio/tone-bank.js';
import { find, speech } from '../../support/audio.js';
import { Bench, conversation, Ear, eventOf } from './lines.js';

const ALIKE = 0.95;

let bench: Bench;
let engine: MediaEngine;

beforeEach(async () => {
  bench = new Bench();
  engine = await bench.engine();
});
afterEach(() => bench.close());

interface Bridged {
  /** Who talk with each other. */
  customer: MediaSession;
  desk: MediaSession;
  /** Our ends of their lines. */
  ours: MediaSession;
  second: MediaSession;
}

async function twoLines(desk: Partial<NegotiatedMedia> = {}, recordTo?: string): Promise<Bridged> {
  const [ours, customer] = await conversation(engine, {}, { a: { recordTo } });
  const [second, other] = await conversation(engine, { a: desk, b: desk });
  return { customer, desk: other, ours, second };
}

/** How well what one says arrives at the other. */
async function saysTo(speaker: MediaSession, hearer: MediaSession, seed: number): Promise<number> {
  const sound = speech(2, seed);
  const ear = new Ear(hearer);
  speaker.audio.write(sound);
  await speaker.audio.mark();
  await ear.frameCount(50);
  ear.close();
  return find(sound, ear.samples).correlation;
}

describe('two lines that are connected', () => {
  it('each play what the other hears, whatever their codecs and packets, and record it', async () => {
    const file = join(bench.folder, `${randomUUID()}.wav`);
    const { customer, desk, ours, second } = await twoLines({ codec: 'PCMA', ptimeMs: 30 }, file);
    ours.bridge(second);
    const heard = await Promise.all([saysTo(customer, desk, 1), saysTo(desk, customer, 2)]);
    expect(Math.min(...heard)).toBeGreaterThan(ALIKE);
    await ours.close();
    const [left, right] = parseWav(readFileSync(file)).channels;
    expect(find(speech(2, 1), left).correlation).toBeGreaterThan(ALIKE);
    expect(find(speech(2, 2), right!).correlation).toBeGreaterThan(ALIKE);
  });

  it('drop what was still to be said, and take no more of it', async () => {
    const { customer, ours, second } = await twoLines();
    const ear = new Ear(customer);
    ours.audio.write(speech(20, 3));
    const said = ours.audio.mark();
    await ear.until(() => ear.isLoud);
    ours.bridge(second);
    expect(await said).toBe('cleared');
    ours.audio.write(speech(20, 4));
    expect(await ours.audio.mark()).toBe('played');
    await ear.until(() => !ear.isLoud);
    const before = ear.frames.length;
    await ear.frameCount(50);
    expect(
      ear.frames
        .slice(before)
        .flatMap((frame) => [...frame])
        .every((sample) => Math.abs(sample) < 100),
    ).toBe(true);
  });

  it('pass keys on, both ways', async () => {
    const { customer, desk, ours, second } = await twoLines();
    ours.bridge(second);
    const pressed = [eventOf(desk, 'dtmf'), eventOf(customer, 'dtmf')];
    await Promise.all([customer.sendDtmf('4'), desk.sendDtmf('#')]);
    expect(await Promise.all(pressed)).toMatchObject([{ digit: '4' }, { digit: '#' }]);
  });

  it('are each by themselves again when one is closed', async () => {
    const { customer, desk, ours, second } = await twoLines();
    ours.bridge(second);
    expect(await saysTo(customer, desk, 5)).toBeGreaterThan(ALIKE);
    await second.close();
    expect(await saysTo(ours, customer, 6)).toBeGreaterThan(ALIKE);
  });

  it('are two: a third is not joined, and who is connected is not taken away', async () => {
    const { customer, desk, ours, second } = await twoLines();
    const other = await twoLines();
    ours.bridge(second);
    ours.bridge(other.ours);
    other.ours.bridge(second);
    expect(await saysTo(customer, desk, 7)).toBeGreaterThan(ALIKE);
    expect(await saysTo(other.ours, other.customer, 8)).toBeGreaterThan(ALIKE);
  });
});

it('a line rings when nothing else is to be said', async () => {
  const { customer, ours } = await twoLines();
  const bank = new ToneBank([425], 160);
  const isTone = (frame: Int16Array | undefined): boolean =>
    frame !== undefined && energy(frame) > 1e6 && bank.energies(frame)[0]! / energy(frame) > 0.9;
  const ear = new Ear(customer);
  ours.ring(true);
  await ear.until(() => isTone(ear.frames.at(-1)));
  expect(await saysTo(ours, customer, 9)).toBeGreaterThan(ALIKE);
  ours.ring(false);
  await ear.until(() => !ear.isLoud);
  const before = ear.frames.length;
  await ear.frameCount(300);
  expect(ear.frames.slice(before).some(isTone)).toBe(false);
  // What was said is counted without it.
  expect(await ours.audio.clear()).toEqual({ playedMs: 2_000 });
});
