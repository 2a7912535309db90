import { EventStore } from '../../../src/lib/event-store/event-store.js';
import { type InlineProjection } from '../../../src/lib/event-store/append-statement.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import {
  again,
  cutConnections,
  endAfterTest,
  join,
  newStreams,
  NO_PROJECTION,
  numbered,
  OpenTransaction,
  type Participant,
  untilWaiting,
  upTo,
} from '../../support/event-log.js';
import { LossyLink } from '../../support/lossy-link.js';
import { eventually } from '../../support/process.js';

/** A read model with a rule of its own: a note of at least three letters for each stream. */
const NOTES: InlineProjection = {
  name: 'notes',
  ctes: [
    `noted as (
      insert into notes (stream_id, note) select stream_id, i.payload ->> 'note' from appended join input i using (stream_id)
      on conflict (stream_id) do update set note = excluded.note
    )`,
  ],
};

describe('EventStore.append', () => {
  let db: TestDatabase;
  let store: EventStore;
  let other: Participant;
  let otherStore: EventStore;

  beforeAll(async () => {
    db = await openTestDatabase();
    store = new EventStore(db.database, NO_PROJECTION);
    other = await join(db.url);
    otherStore = new EventStore(other.database, NO_PROJECTION);
    await db.database.query(
      'create table notes (stream_id uuid primary key, note text not null check (length(note) > 2))',
    );
  });

  afterAll(async () => {
    await other.close();
    await db.close();
  });

  const newStream = (): string => newStreams(1)[0]!;
  const versions = async (stream: string) => (await store.load(stream)).map(({ version }) => version);

  describe('what it stores', () => {
    it('gives back type, data and metadata as they were, oldest first', async () => {
      const stream = newStream();
      const data = { text: 'größer ☎️', list: [1, null, { deep: true }], empty: {}, __proto__x: 0.1 };
      const first = { type: 'call.queued', data };
      const second = { type: 'call.ended', data: {} };
      const metadata = { requestId: 'req-1', keyId: 'k' };
      await store.append({ streamId: stream, expectedVersion: 0, events: [first, second], metadata, payload: {} });
      expect(await store.load(stream)).toEqual([
        { streamId: stream, version: 1, ...first, metadata, recordedAt: expect.any(Date) },
        { streamId: stream, version: 2, ...second, metadata, recordedAt: expect.any(Date) },
      ]);
    });

    it('numbers a stream from 1 without gaps, in the order in which the events were given', async () => {
      const stream = newStream();
      expect(await store.append(numbered(stream, 0, 3))).toBe(true);
      expect(await store.append(numbered(stream, 3, 40))).toBe(true);
      const events = await store.load(stream);
      expect(events.map(({ version }) => version)).toEqual(upTo(43));
      expect(events.map(({ data }) => data)).toEqual(upTo(43).map((n) => ({ n })));
    });

    it('knows a stream by its id however that is written', async () => {
      const stream = newStream();
      expect(await store.append(numbered(stream.toUpperCase(), 0))).toBe(true);
      expect(await versions(stream)).toEqual([1]);
    });
  });

  describe('refuses', () => {
    it.each([
      ['one too low', 1],
      ['far too low', 0],
      ['one too high', 3],
      ['far too high', 99],
    ])('an expected version that is %s, and stores nothing', async (_, expected) => {
      const stream = newStream();
      await store.append(numbered(stream, 0, 2));
      expect(await store.append(numbered(stream, expected, 2))).toBe(false);
      expect(await versions(stream)).toEqual([1, 2]);
    });

    it('all but one of the appends that come together on the same version', async () => {
      const stream = newStream();
      const results = await Promise.all(upTo(10).map(() => store.append(numbered(stream, 0, 2))));
      expect(results.filter(Boolean)).toHaveLength(1);
      expect(await versions(stream)).toEqual([1, 2]);
    });

    it('a late append without taking along one on the right version that comes together with it', async () => {
      const stream = newStream();
      await store.append(numbered(stream, 0));
      const results = await Promise.all([store.append(numbered(stream, 0)), store.append(numbered(stream, 1))]);
      expect(results).toEqual([false, true]);
      expect(await versions(stream)).toEqual([1, 2]);
    });

    it('the whole append when a concurrent transaction takes its first version', async () => {
      const [stream, bystander] = newStreams(2) as [string, string];
      const first = await OpenTransaction.begin(db.url);
      await first.append(numbered(stream, 0));
      const results = Promise.all([store.append(numbered(stream, 0, 2)), store.append(numbered(bystander, 0, 2))]);
      await untilWaiting(other.database, 1);
      await first.end('commit');
      expect(await results).toEqual([false, true]);
      expect(await versions(stream)).toEqual([1]);
      expect(await versions(bystander)).toEqual([1, 2]);
    });

    it('nothing when that transaction comes to nothing', async () => {
      const stream = newStream();
      const first = await OpenTransaction.begin(db.url);
      await first.append(numbered(stream, 0));
      const result = store.append(numbered(stream, 0, 2));
      await untilWaiting(other.database, 1);
      await first.end('rollback');
      expect(await result).toBe(true);
      expect(await versions(stream)).toEqual([1, 2]);
    });
  });

  describe('fifty writers on one stream, in two processes', () => {
    const stores = () => upTo(50).map((writer) => (writer % 2 ? store : otherStore));

    it('see exactly one winner for each version', async () => {
      const stream = newStream();
      for (const version of upTo(20)) {
        const results = await Promise.all(stores().map((each) => each.append(numbered(stream, version - 1))));
        expect(results.filter(Boolean)).toHaveLength(1);
      }
      expect(await versions(stream)).toEqual(upTo(20));
    });

    it('leave no gap and no half of an append, and each gets its own in by trying again', async () => {
      const stream = newStream();
      await Promise.all(
        stores().map(async (each, writer) => {
          const pair = [1, 2].map((part) => ({ type: 'pair', data: { writer, part } }));
          for (;;) {
            const expectedVersion = (await each.load(stream)).length;
            if (await each.append(numbered(stream, expectedVersion, 2, { events: pair }))) return;
          }
        }),
      );
      const events = await store.load(stream);
      expect(events.map(({ version }) => version)).toEqual(upTo(100));
      const parts = events.map(({ data }) => data as { writer: number; part: number });
      expect(parts.map(({ part }) => part)).toEqual(upTo(50).flatMap(() => [1, 2]));
      const writers = parts.map(({ writer }) => writer);
      expect(writers.filter((writer, i) => i % 2 === 0 && writer === writers[i + 1])).toHaveLength(50);
      expect(new Set(writers).size).toBe(50);
    });
  });

  describe('an append that the database cannot store', () => {
    // jsonb refuses a NUL character.
    const poisons = {
      payload: { payload: { text: 'a\0b' } },
      metadata: { metadata: { text: 'a\0b' } },
      event: { events: [{ type: 'n', data: { text: 'a\0b' } }] },
    };

    it.each(Object.entries(poisons))('fails alone when its %s is at fault: its batch is stored', async (_, poison) => {
      const streams = newStreams(30);
      const results = await Promise.allSettled(
        streams.map((stream, i) => store.append(numbered(stream, 0, 2, i === 17 ? poison : {}))),
      );
      expect(results.map(({ status }) => status)).toEqual(streams.map((_, i) => (i === 17 ? 'rejected' : 'fulfilled')));
      expect(results.filter((result) => result.status === 'fulfilled' && result.value)).toHaveLength(29);
      for (const [i, stream] of streams.entries()) expect(await versions(stream)).toEqual(i === 17 ? [] : [1, 2]);
    });

    it('leaves no events without their read model, nor the reverse', async () => {
      const noting = new EventStore(db.database, NOTES);
      const streams = newStreams(20);
      const results = await Promise.allSettled(
        streams.map((stream, i) => noting.append(numbered(stream, 0, 1, { payload: { note: i % 5 ? 'good' : '-' } }))),
      );
      const stored = streams.filter((_, i) => i % 5);
      expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(4);
      const notes = await db.database.query<{ stream_id: string }>('select stream_id from notes');
      expect(notes.map((row) => row.stream_id).sort()).toEqual([...stored].sort());
      for (const [i, stream] of streams.entries()) expect(await versions(stream)).toEqual(i % 5 ? [1] : []);
    });
  });

  describe('when connections are lost', () => {
    it('rejects an append that was under way', async () => {
      const stream = newStream();
      const holder = await OpenTransaction.begin(db.url);
      await holder.append(numbered(stream, 0));
      const append = Promise.allSettled([store.append(numbered(stream, 0, 2))]);
      await untilWaiting(other.database, 1);
      expect(await cutConnections(other.database, `wait_event_type = 'Lock'`)).toBe(1);
      const [result] = await append;
      expect(result.status).toBe('rejected');
      await holder.end('rollback');
      expect(await versions(stream)).toEqual([]);
      expect(await store.append(numbered(stream, 0))).toBe(true);
    });

    it('neither confirms nor refuses what was stored when only the answer got lost', async () => {
      const link = await LossyLink.to(db.url);
      endAfterTest(() => {
        link.close();
      });
      const distant = await join(link.url, 2);
      endAfterTest(() => distant.close());
      const distantStore = new EventStore(distant.database, NO_PROJECTION);
      await distantStore.append(numbered(newStream(), 0));
      link.loseAnswers();
      const streams = newStreams(3);
      const appends = Promise.allSettled(streams.map((stream) => distantStore.append(numbered(stream, 0))));
      await eventually('stored', async () => ((await versions(streams[2]!)).length > 0 ? true : undefined));
      link.cut();
      expect((await appends).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      for (const stream of streams) expect(await versions(stream)).toEqual([1]);
    });

    it('never calls stored what is not, whatever the moment', async () => {
      const victim = await join(db.url, 4);
      endAfterTest(() => victim.close());
      const victimStore = new EventStore(victim.database, NO_PROJECTION);
      const outcomes = new Map<string, 'stored' | 'refused' | 'rejected'>();
      const kinds = () => [...outcomes.values()];
      const writers = upTo(20).map(() =>
        again(async () => {
          const stream = newStream();
          const append = victimStore.append(numbered(stream, 0, 2));
          const outcome = await append
            .then((stored) => (stored ? 'stored' : 'refused'))
            .catch(() => 'rejected' as const);
          outcomes.set(stream, outcome);
        }),
      );
      await eventually('many appends, some of them cut off', async () => {
        await cutConnections(other.database, `query like '%appended as%'`);
        const rejected = kinds().filter((outcome) => outcome === 'rejected').length;
        const stored = kinds().filter((outcome) => outcome === 'stored').length;
        return rejected >= 20 && stored >= 500 ? true : undefined;
      });
      await Promise.all(writers.map((stop) => stop()));
      const counts = new Map<string, number>();
      for (const { id, n } of await db.database.query<{ id: string; n: number }>(
        'select stream_id as id, count(*)::int as n from call_events where stream_id = any($1::uuid[]) group by 1',
        [[...outcomes.keys()]],
      ))
        counts.set(id, n);
      const lost = [...outcomes].filter(([stream, outcome]) => outcome === 'stored' && counts.get(stream) !== 2);
      expect(lost).toEqual([]);
      expect([...counts.values()].filter((events) => events !== 2)).toEqual([]);
      expect(kinds()).not.toContain('refused');
    });
  });
});
