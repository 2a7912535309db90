import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CallCommands } from '../../src/calls/call-commands.js';
import { type CallCommand } from '../../src/calls/call.js';
import { CALLS_PROJECTION } from '../../src/calls/call-append.js';
import { RecordingFinisher } from '../../src/recordings/recording-finisher.js';
import { RecordingLinks } from '../../src/calls/recording-links.js';
import { Recordings } from '../../src/recordings/recordings.js';
import { EventStore } from '../../src/lib/event-store/event-store.js';
import { Database, openDatabase, poolOf } from '../../src/lib/platform/database/database.js';
import { type Log } from '../../src/lib/platform/log.js';
import { newId } from '../../src/lib/platform/ids.js';
import { execute, factsOf, rowsThatDisagree, storedRow } from '../support/call-log.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually, temporaryFolder } from '../support/process.js';
import { wavFile } from '../support/wav.js';

const ORGANIZATION = newId();
const CLAIM = newId();
/** Bytes of a second of stereo at 8 kHz. */
const BYTES_PER_MS = 32;

describe('finishing recordings', () => {
  let db: TestDatabase;
  let events: EventStore;
  let data: ReturnType<typeof temporaryFolder>;
  let logged: string[];

  beforeAll(async () => {
    db = await openTestDatabase();
    events = new EventStore(db.database, CALLS_PROJECTION);
  });

  afterAll(() => db.close());

  beforeEach(() => {
    data = temporaryFolder();
    logged = [];
  });

  afterEach(() => {
    data.remove();
  });

  const keep = (_: object, message: string) => void logged.push(message);
  const log: Log = { error: keep, warn: keep, info: keep, debug: keep, flush: () => undefined };
  const recordingsOf = (dataDir: string) => new Recordings({ dataDir, recordingsUrl: undefined });
  /** A finisher with its own connections, like another process. */
  const finisher = (database = db.database) => {
    const calls = new CallCommands(new EventStore(database, CALLS_PROJECTION));
    const recordings = recordingsOf(data.path);
    return { recordings, calls, finishing: new RecordingFinisher(database, calls, recordings, log) };
  };
  const incoming = (id: string, claim = CLAIM) => join(data.path, 'recordings', 'incoming', `${id}.${claim}.wav`);
  const finished = (id: string) => join(data.path, 'recordings', `${id}.wav`);
  const left = () => readdirSync(join(data.path, 'recordings', 'incoming'));

  const at = (daysAgo: number) => new Date(Date.now() - daysAgo * 86_400_000).toISOString();
  /** A call up to a step of its life. */
  async function call(upTo: 'queued' | 'connected' | 'ended' = 'ended', daysAgo = 0): Promise<string> {
    const id = newId();
    const outcome = { sipCode: 200, responsible: 'customer', retryable: false, detail: null } as const;
    const life: CallCommand[] = [
      { type: 'QueueCall', at: at(daysAgo), facts: { ...factsOf(ORGANIZATION), environment: 'live' } },
      { type: 'DialCall', at: at(daysAgo), provider: 'sip', claim: CLAIM },
      { type: 'ReportAnswer', at: at(daysAgo) },
      { type: 'EndCall', at: at(daysAgo), disconnectionReason: 'user_hangup', outcome },
    ];
    const steps = { queued: 1, connected: 3, ended: 4 }[upTo];
    await execute(events, id, ...life.slice(0, steps));
    return id;
  }
  /** The file of a media worker; `claims` is the size in its header, which is written last. */
  function record(id: string, ms = 500, claims?: number, claim = CLAIM): Buffer {
    mkdirSync(join(data.path, 'recordings', 'incoming'), { recursive: true });
    const samples = randomBytes(ms * BYTES_PER_MS);
    writeFileSync(incoming(id, claim), wavFile(samples, { channels: 2, claims: claims ?? samples.length }));
    return samples;
  }
  const recorded = async (id: string) =>
    (await events.load(id)).filter(({ type }) => type === 'call.recorded').map((event) => event.data);
  const rowOf = async (id: string) => (await storedRow(db.database, id)) as { recording: string | null };
  const hold = (id: string) =>
    db.database.query(
      `insert into live_calls (call_id, organization_id, environment, from_number, carrier, owner, lease_until)
       values ($1, $2, 'live', '+1', 'default', $3, now() + interval '10 s')`,
      [id, ORGANIZATION, newId()],
    );
  async function expectFinished(id: string, samples: Buffer): Promise<void> {
    expect(readFileSync(finished(id))).toEqual(wavFile(samples, { channels: 2 }));
    const durationMs = samples.length / BYTES_PER_MS;
    expect(await recorded(id)).toEqual([{ at: expect.any(String), url: RecordingLinks.pathOf(id), durationMs }]);
    expect((await rowOf(id)).recording).toBe(RecordingLinks.pathOf(id));
    expect(existsSync(incoming(id))).toBe(false);
  }

  it('stores the file of an ended call', async () => {
    const id = await call();
    const samples = record(id);
    await finisher().finishing.sweep();
    await expectFinished(id, samples);
    expect(await rowsThatDisagree(db.database)).toEqual([]);
  });

  it('finishes a recording on request too', async () => {
    const id = await call();
    const samples = record(id);
    const { finishing } = finisher();
    await finishing.finishSoon(id, CLAIM);
    await finishing.idle();
    await expectFinished(id, samples);
  });

  it('does not wait for a slow bucket, and sends it a recording once', async () => {
    const id = await call();
    const samples = record(id);
    const { finishing, recordings } = finisher();
    const put = recordings.store.put.bind(recordings.store);
    let puts = 0;
    let go = (): void => undefined;
    const isReady = new Promise<void>((resolve) => (go = resolve));
    recordings.store.put = async (...given) => {
      puts++;
      await isReady;
      await put(...given);
    };
    await finishing.finishSoon(id, CLAIM);
    await eventually('an upload', () => Promise.resolve(puts > 0 || undefined));
    await finishing.finishSoon(id, CLAIM);
    // Resolves with the upload in progress.
    const sweeping = finishing.sweep();
    expect([await recorded(id), existsSync(incoming(id))]).toEqual([[], true]);
    go();
    await Promise.all([sweeping, finishing.idle()]);
    expect(puts).toBe(1);
    await expectFinished(id, samples);
  });

  it('does nothing without a file, or without the folder', async () => {
    const { finishing } = finisher();
    await finishing.sweep();
    await finishing.finishSoon(await call(), CLAIM);
    expect([left(), logged]).toEqual([[], []]);
  });

  it('creates files for its user only', async () => {
    await finisher().finishing.sweep();
    const { mode } = statSync(join(data.path, 'recordings', 'incoming'));
    expect(mode & 0o077).toBe(0);
  });

  it.each([
    ['a header that was never finished', 0],
    ['a header that says more than there is', 10_000_000],
    ['a header that says less', 320],
  ])('repairs %s', async (_, claims) => {
    const id = await call();
    const samples = record(id, 500, claims);
    await finisher().finishing.sweep();
    await expectFinished(id, samples);
  });

  it('removes an incomplete last sample', async () => {
    const id = await call();
    const samples = record(id, 500, 0);
    writeFileSync(incoming(id), Buffer.of(1, 2, 3), { flag: 'a' });
    await finisher().finishing.sweep();
    await expectFinished(id, samples);
  });

  it.each([0, 1, 12, 43, 44])(
    'deletes a file of which only %d bytes of header were written, without an event',
    async (n) => {
      const id = await call();
      record(id, 0);
      writeFileSync(incoming(id), readFileSync(incoming(id)).subarray(0, n));
      await finisher().finishing.sweep();
      expect([left(), await recorded(id), logged]).toEqual([[], [], []]);
      expect(existsSync(finished(id))).toBe(false);
    },
  );

  it('renames an unreadable file, logs it once, and continues', async () => {
    const [id, good] = [await call(), await call()];
    record(id);
    writeFileSync(incoming(id), Buffer.alloc(1_000));
    const samples = record(good);
    const { finishing } = finisher();
    await finishing.sweep();
    await finishing.sweep();
    await expectFinished(good, samples);
    expect(left()).toEqual([`${id}.${CLAIM}.wav.unreadable`]);
    expect(logged).toEqual(['recording is not readable; renamed to .unreadable']);
    expect(await recorded(id)).toEqual([]);
  });

  it.each(['queued', 'connected'] as const)('keeps the file of a %s call', async (upTo) => {
    const id = await call(upTo);
    record(id, 500, 0);
    const before = readFileSync(incoming(id));
    await finisher().finishing.sweep();
    expect(readFileSync(incoming(id))).toEqual(before);
    expect(await recorded(id)).toEqual([]);
  });

  it('keeps the file of an ended call until its worker releases it', async () => {
    const id = await call();
    const samples = record(id, 500, 0);
    await hold(id);
    const { finishing } = finisher();
    await finishing.sweep();
    expect([existsSync(incoming(id)), await recorded(id)]).toEqual([true, []]);
    await db.database.query('delete from live_calls where call_id = $1', [id]);
    await finishing.sweep();
    await expectFinished(id, samples);
  });

  it('keeps files without a call', async () => {
    const { finishing } = finisher();
    record('notes');
    record(newId());
    writeFileSync(join(data.path, 'recordings', 'incoming', 'x.txt'), '');
    const before = left();
    await finishing.sweep();
    expect([left(), logged]).toEqual([before, []]);
  });

  it('stores the answered attempt, and deletes the others', async () => {
    const id = await call();
    record(id, 0, 0, newId());
    const samples = record(id);
    record(id, 0, 0, newId());
    await finisher().finishing.sweep();
    await expectFinished(id, samples);
    expect(left()).toEqual([]);
  });

  it('adds one event in several sweeps', async () => {
    const id = await call();
    const samples = record(id);
    const { finishing } = finisher();
    for (let n = 0; n < 3; n++) await finishing.sweep();
    await expectFinished(id, samples);
  });

  describe('after a crash', () => {
    class Crash extends Error {}
    const crash = (): never => {
      throw new Crash();
    };
    type Finisher = ReturnType<typeof finisher>;
    const steps: [string, (process: Finisher) => void][] = [
      ['before it is kept', ({ recordings }) => (recordings.store.put = () => Promise.resolve().then(crash))],
      [
        'after it was kept',
        ({ recordings: { store } }) => {
          const put = store.put.bind(store);
          store.put = (...given) => put(...given).then(crash);
        },
      ],
      [
        'after the event',
        ({ calls }) => {
          const run = calls.execute.bind(calls);
          calls.execute = (...given) => run(...given).then(crash);
        },
      ],
    ];

    it.each(steps)('%s: the next sweep finishes it, with one event', async (_, crashing) => {
      const id = await call();
      const samples = record(id, 500, 0);
      const broken = finisher();
      crashing(broken);
      await broken.finishing.sweep();
      expect(logged).toEqual(['recording could not be finished; the next sweep tries again']);
      expect(existsSync(incoming(id))).toBe(true);
      await finisher().finishing.sweep();
      await expectFinished(id, samples);
    });

    it('a file that cannot be finished does not block others', async () => {
      const ids = [await call(), await call(), await call()] as const;
      const samples = ids.map((id) => record(id));
      const broken = finisher();
      const run = broken.calls.execute.bind(broken.calls);
      broken.calls.execute = (id, ...given) => (id === ids[1] ? Promise.reject(new Crash()) : run(id, ...given));
      await broken.finishing.sweep();
      await expectFinished(ids[0], samples[0] as Buffer);
      await expectFinished(ids[2], samples[2] as Buffer);
      expect(await recorded(ids[1])).toEqual([]);
    });
  });

  it('two concurrent processes add one event for each, and log no error', async () => {
    const ids = await Promise.all(Array.from({ length: 30 }, () => call()));
    const samples = ids.map((id) => record(id, 20, 0));
    const second = await openDatabase({ url: db.url, poolSize: 5, entities: [] });
    try {
      const [one, two, three] = [finisher(), finisher(new Database(poolOf(second))), finisher()];
      for (const id of ids) await three.finishing.finishSoon(id, CLAIM);
      await Promise.all([one.finishing.sweep(), two.finishing.sweep(), three.finishing.idle()]);
    } finally {
      await second.destroy();
    }
    for (const [n, id] of ids.entries()) await expectFinished(id, samples[n] as Buffer);
    expect([left(), logged]).toEqual([[], []]);
  });

  describe('after the retention period', () => {
    /** A call with a recording, by the age of its end. */
    async function old(daysAgo: number): Promise<string> {
      const id = await call('ended', daysAgo);
      record(id);
      await finisher().finishing.sweep();
      return id;
    }
    const deleted = async (id: string) =>
      (await events.load(id)).filter(({ type }) => type === 'call.recording_deleted').length;

    it('deletes the file and adds one event', async () => {
      const [over, young] = [await old(8), await old(6)];
      const { finishing } = finisher();
      await finishing.expire(7);
      await finishing.expire(7);
      expect([existsSync(finished(over)), await deleted(over), (await rowOf(over)).recording]).toEqual([
        false,
        1,
        null,
      ]);
      expect([existsSync(finished(young)), await deleted(young)]).toEqual([true, 0]);
      expect((await rowOf(young)).recording).toBe(RecordingLinks.pathOf(young));
      expect(await rowsThatDisagree(db.database)).toEqual([]);
    });

    it('continues after a crash between the file and the event', async () => {
      const id = await old(8);
      const broken = finisher();
      broken.calls.execute = () => Promise.reject(new Error('crash'));
      await expect(broken.finishing.expire(7)).rejects.toThrow('crash');
      expect(existsSync(finished(id))).toBe(false);
      await finisher().finishing.expire(7);
      expect([await deleted(id), (await rowOf(id)).recording]).toEqual([1, null]);
    });

    it('keeps recordings of other services', async () => {
      const id = await call('ended', 8);
      const url = 'https://media.example.com/1.wav';
      await execute(events, id, { type: 'RecordCall', at: at(8), url });
      await finisher().finishing.expire(7);
      expect([await deleted(id), (await rowOf(id)).recording]).toEqual([0, url]);
    });

    it('deletes more than one batch', async () => {
      const ids = await Promise.all(Array.from({ length: 101 }, () => call('ended', 8)));
      await Promise.all(
        ids.map((id) => execute(events, id, { type: 'RecordCall', at: at(8), url: RecordingLinks.pathOf(id) })),
      );
      await finisher().finishing.expire(7);
      const [row] = await db.database.query<{ n: number }>(
        'select count(*)::int as n from calls where id = any ($1) and recording is not null',
        [ids],
      );
      expect(row?.n).toBe(0);
    });
  });
});
