import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { type Worker } from 'node:worker_threads';
import { parseWav, readWav, repairWav, wavHeader, writeWav } from '../../../src/lib/audio/wav.js';
import { type MediaEngine } from '../../../src/lib/media/engine/media-engine.js';
import { Recorder } from '../../../src/lib/media/recorder.js';
import { Bench, chirp, conversation, Ear, eventOf, isLoud, negotiated } from './lines.js';

let bench: Bench;
let engine: MediaEngine;
let path: string;

beforeEach(async () => {
  bench = new Bench();
  engine = await bench.engine();
  path = join(bench.folder, 'call.wav');
});
afterEach(() => bench.close());

const firstLoud = (pcm: Int16Array): number => pcm.findIndex((sample) => Math.abs(sample) > 100);

/** The frames with sound in them: a machine that stood still for a moment leaves silence in between. */
function spokenFrames(pcm: Int16Array): Int16Array {
  const frames = Array.from({ length: pcm.length / 160 }, (_, i) => pcm.subarray(i * 160, (i + 1) * 160));
  return Int16Array.from(frames.filter((frame) => frame.some((sample) => sample !== 0)).flatMap((frame) => [...frame]));
}

/** From the first sound to the last. */
const soundIn = (pcm: Int16Array): Int16Array =>
  pcm.slice(firstLoud(pcm), pcm.findLastIndex((sample) => Math.abs(sample) > 100) + 1);

async function channels(file = path): Promise<[Int16Array, Int16Array]> {
  const { channels: both } = parseWav(await readFile(file));
  expect(both).toHaveLength(2);
  return both as [Int16Array, Int16Array];
}

describe('the recording of a call', () => {
  it('has the customer left and the agent right, each in its time since the answer', async () => {
    const [customer, agent] = await Promise.all([engine.open({}), engine.open({ recordTo: path })]);
    customer.connect(negotiated(agent.local));
    agent.connect(negotiated(customer.local));
    const answeredAt = new Date(Date.now() - 3_000);
    customer.answered(answeredAt);
    agent.answered(answeredAt);
    const ear = new Ear(agent);
    const [question, answer] = [chirp(500), chirp(700, 4_000)];
    customer.audio.write(question);
    await ear.until(() => ear.isLoud);
    await ear.until(() => !ear.isLoud);
    agent.audio.write(answer);
    await agent.audio.mark();
    await ear.frameCount(2);
    const { recordedMs } = await agent.close();
    const [left, right] = await channels();
    expect(firstLoud(left)).toBeGreaterThan(24_000);
    // Who listens hears it as it comes; in the recording it has waited in the jitter buffer.
    const loudAtMs = ear.moments[ear.frames.findIndex(isLoud)] ?? NaN;
    expect(Math.floor(firstLoud(left) / 160) * 20).toBeGreaterThanOrEqual(loudAtMs);
    expect(soundIn(left)).toEqual(soundIn(Int16Array.from(ear.frames.flatMap((frame) => [...frame]))));
    // The agent's speech is recorded as it was written.
    expect(spokenFrames(right)).toEqual(answer);
    // The jitter buffer holds back what the answer answers to by 80 ms at most.
    expect(firstLoud(right)).toBeGreaterThan(firstLoud(left) + question.length - 640);
    expect([left.length, right.length]).toEqual([(recordedMs ?? 0) * 8, (recordedMs ?? 0) * 8]);
    expect(recordedMs).toBeGreaterThanOrEqual((ear.moments.at(-1) ?? 0) + 20);
  });

  it('is its owner’s only, even where a file was before', async () => {
    await writeFile(path, Buffer.alloc(100_000, 1), { mode: 0o666 });
    const [, agent] = await conversation(engine, {}, { b: { recordTo: path } });
    await new Ear(agent).frameCount(3);
    const { recordedMs } = await agent.close();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(path)).size).toBe(44 + (recordedMs ?? 0) * 32);
  });

  it('that cannot be written is told, and the call goes on', async () => {
    const [, agent] = await conversation(engine, {}, { b: { recordTo: join(bench.folder, 'missing', 'call.wav') } });
    expect(await eventOf(agent, 'recording-failed')).toMatchObject({ detail: expect.stringContaining('ENOENT') });
    await new Ear(agent).frameCount(3);
    expect((await agent.close()).recordedMs).toBeNull();
  });

  it('of a call that was never answered does not exist', async () => {
    const agent = await engine.open({ recordTo: path });
    expect((await agent.close()).recordedMs).toBeNull();
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it('is repaired when the worker crashes', async () => {
    const [, agent] = await conversation(engine, {}, { b: { recordTo: path } });
    await new Ear(agent).frameCount(60);
    await (engine as unknown as { worker: Worker }).worker.terminate();
    await eventOf(agent, 'media-lost');
    const { recordedMs } = await agent.close();
    expect(recordedMs).toBeGreaterThanOrEqual(60 * 20 - 1_000);
    expect((await readWav(path)).length).toBe((recordedMs ?? 0) * 8);
  });

  it('keeps all but the last second when the process is killed', async () => {
    const script = join(bench.folder, 'child.mjs');
    await writeFile(script, CHILD);
    const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const told = once(createInterface({ input: child.stdout }), 'line');
    const [line] = (await Promise.race([told, exited])) as [string];
    child.kill('SIGKILL');
    await exited;
    const heardMs = Number(line);
    expect(heardMs).toBeGreaterThanOrEqual(3_000);
    // A header that says nothing is what the crash left.
    expect((await readFile(path)).readUInt32LE(40)).toBe(0);
    const repairedMs = await repairWav(path);
    expect(repairedMs).toBeGreaterThanOrEqual(heardMs - 1_000);
    const [left, right] = await channels();
    expect(left.length).toBe(repairedMs * 8);
    expect(spokenFrames(right)).toEqual(chirp(500));
    expect(isLoud(left)).toBe(true);
  });
});

/** Two sessions that talk; tells how much was heard once that is three seconds, and goes on until it is killed. */
const CHILD = `
  import { MediaEngine } from '${pathToFileURL('dist/lib/media/index.js').href}';
  const engine = await MediaEngine.start({ address: '127.0.0.1' });
  const [a, b] = [await engine.open({}), await engine.open({ recordTo: process.argv[2] })];
  const media = ({ local }) => ({ ...local, codec: 'PCMU', payloadTypes: { PCMU: 0 }, dtmfPayloadType: 101, ptimeMs: 20,
    sends: true, receives: true, srtp: undefined });
  a.connect(media(b));
  b.connect(media(a));
  let phase = 0;
  const chirp = Int16Array.from({ length: 4000 }, (_, i) => {
    phase += (2 * Math.PI * (300 + (2500 * i) / 4000)) / 8000;
    return 8000 * Math.sin(phase);
  });
  const at = new Date();
  for (const session of [a, b]) {
    session.answered(at);
    session.audio.write(chirp);
  }
  b.audio.listen((frame, atMs) => {
    if (atMs === 3000) console.log(atMs);
  });
`;

describe('the recorder', () => {
  const frame = (value: number): Int16Array => new Int16Array(160).fill(value);

  it('keeps its place when the disk does not keep up', async () => {
    const failures: string[] = [];
    const recorder = new Recorder(path, (detail) => failures.push(detail));
    // Without a pause in between nothing is written: 20 s are more than it holds.
    for (let n = 0; n < 1_000; n++) recorder.frame(frame(n), undefined);
    while ((await stat(path).catch(() => undefined))?.size !== 44 + 518 * 640) await Promise.resolve();
    recorder.frame(frame(5_000), frame(6_000));
    expect(await recorder.close()).toBe(1_001 * 20);
    const [left, right] = await channels();
    expect([517, 518, 999, 1_000].map((n) => left[n * 160])).toEqual([517, 0, 0, 5_000]);
    expect(right[1_000 * 160]).toBe(6_000);
    expect(failures).toEqual(['the disk is more than 10 s behind']);
  });

  it('leaves silence where time passed', async () => {
    const recorder = new Recorder(path, () => undefined);
    recorder.silence(10);
    recorder.frame(frame(1), frame(2));
    recorder.silence(5);
    recorder.frame(undefined, frame(3));
    recorder.silence(2);
    expect(await recorder.close()).toBe(19 * 20);
    const [left, right] = await channels();
    expect([9, 10, 11, 16, 18].map((n) => [left[n * 160], right[n * 160]])).toEqual([
      [0, 0],
      [1, 2],
      [0, 0],
      [0, 3],
      [0, 0],
    ]);
  });
});

describe('repairing', () => {
  it('drops a torn frame and writes the true size', async () => {
    await writeWav(path, chirp(100), chirp(100));
    const whole = await readFile(path);
    await writeFile(path, Buffer.concat([wavHeader(0, 2), whole.subarray(44)]));
    await appendFile(path, Buffer.of(1, 2, 3));
    expect(await repairWav(path)).toBe(100);
    expect(await readFile(path)).toEqual(whole);
  });

  it('shortens a header that claims more than there is', async () => {
    await writeWav(path, chirp(100));
    await truncate(path, 44 + 801);
    expect(await repairWav(path)).toBe(50);
    expect((await readFile(path)).readUInt32LE(40)).toBe(800);
  });

  it('leaves a whole one as it is', async () => {
    await writeWav(path, chirp(100), chirp(100));
    const before = await readFile(path);
    expect(await repairWav(path)).toBe(100);
    expect(await readFile(path)).toEqual(before);
  });

  it('refuses what is no recording', async () => {
    await writeFile(path, 'something else');
    await expect(repairWav(path)).rejects.toThrow('not a WAV file');
  });

  it('refuses a file that ends within its header', async () => {
    await writeFile(path, wavHeader(0, 2).subarray(0, 30));
    await expect(repairWav(path)).rejects.toThrow('incomplete format chunk');
  });
});
