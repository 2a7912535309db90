import { appendToCall, CALLS_PROJECTION } from '../../src/calls/call-append.js';
import { decide } from '../../src/calls/call.js';
import { appendParameter, appendStatement } from '../../src/lib/event-store/append-statement.js';
import { type CallLeg } from '../../src/telephony/provider.js';
import { ScriptedLeg, ScriptedProvider } from './scripted-provider.js';
import { NO_LIMITS, until, Workbench } from './dialing-harness.js';

/** A promise and how to settle it. */
function pending<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

describe('faults', () => {
  let bench: Workbench;

  beforeAll(async () => {
    bench = await Workbench.open();
  });

  afterEach(() => bench.clear());
  afterAll(() => bench.close());

  const cancel = (callId: string) => bench.app.request('POST', `/v1/calls/${callId}/cancel`, { key: bench.tenant.key });
  const isFree = async (callId: string) => (await bench.ownerOf(callId)) === undefined;

  describe('a worker whose lease was taken over', () => {
    it('lets go of the call, and what its leg says later changes nothing', async () => {
      const callId = await bench.call();
      const zombieCarrier = new ScriptedProvider();
      const zombie = bench.worker(zombieCarrier);
      await zombie.admit();
      zombieCarrier.leg.say({ type: 'answered' });
      await until('answered', async () => (await bench.types(callId)).includes('call.started'));
      await bench.expireLeases();
      const leg = new ScriptedLeg();
      const heir = bench.worker(new ScriptedProvider({ find: () => Promise.resolve({ status: 'open', leg }) }));
      await heir.takeOver();
      await zombie.renew();
      await until('let go of', () => zombieCarrier.leg.isLeft);
      zombieCarrier.leg.end('dial_busy');
      await zombie.renew();
      await zombie.hangUpEnded();
      expect(await bench.ownerOf(callId)).toBe(heir.owner);
      expect((await bench.get(callId)).status).toBe('in_progress');
      expect(zombieCarrier.leg.hangups).toBe(0);
      leg.end('user_hangup');
      expect(await bench.settled(callId, 'completed')).toMatchObject({ disconnectionReason: 'user_hangup' });
    });

    it('does not touch the attempt that came after its own, when its carrier refuses late', async () => {
      const callId = await bench.call();
      const answer = pending<CallLeg>();
      const slow = new ScriptedProvider({ dial: () => answer.promise });
      const zombie = bench.worker(slow);
      await zombie.admit();
      await until('asked', () => slow.dials.length === 1);
      await bench.expireLeases();
      const provider = new ScriptedProvider({ find: () => Promise.resolve({ status: 'never' }) });
      const heir = bench.worker(provider);
      await heir.takeOver();
      await until('back in the line', () => isFree(callId));
      await heir.admit();
      await until('dialled', () => provider.dials.length === 1);
      answer.reject(new Error('refused'));
      await zombie.stop();
      expect(slow.finds).toEqual([]);
      expect(await bench.ownerOf(callId)).toBe(heir.owner);
      expect(await bench.types(callId)).toEqual(['call.queued', 'call.dialing', 'call.deferred', 'call.dialing']);
    });
  });

  it('a call cancelled between admission and claim is not dialled, and its place is free', async () => {
    const callId = await bench.call();
    const provider = new ScriptedProvider();
    const worker = bench.worker(provider, { limits: { ...NO_LIMITS, callsPerSecond: 5 } });
    const state = await bench.calls.stateOf(callId);
    const events = decide({ type: 'CancelCall', at: new Date().toISOString() }, state);
    const append = appendToCall(callId, 1, state, events, {});
    await bench.db.database.transaction(async (client) => {
      await client.query(appendStatement(CALLS_PROJECTION).text, [appendParameter([append])]);
      await worker.admit();
      // The claim now waits for this transaction, and then comes too late.
      await until('admitted', async () => !(await isFree(callId)));
      await until('waiting', async () => {
        const waiting = await bench.db.database.query(
          `select from pg_stat_activity where wait_event_type = 'Lock'
             and datname = current_database()`,
        );
        return waiting.length > 0;
      });
    });
    await bench.settled(callId, 'cancelled');
    expect(provider.dials).toHaveLength(0);
    expect(await bench.db.database.query('select from carrier_admissions')).toHaveLength(0);
  });

  it('the pace of the carrier counts who asked it, and nobody else', async () => {
    const callId = await bench.call();
    const provider = new ScriptedProvider();
    const worker = bench.worker(provider, { limits: { ...NO_LIMITS, callsPerSecond: 5 } });
    const tokens = () => bench.db.database.query<{ asked_at: Date | null }>('select asked_at from carrier_admissions');
    await worker.admit();
    await until('counted from when it was asked', async () => (await tokens())[0]?.asked_at != null);
    provider.leg.end('dial_busy');
    await bench.settled(callId, 'failed');
    expect(await tokens()).toHaveLength(1);
  });

  it('a call that could not be carried on is not kept by renewing it: the same worker takes it over', async () => {
    const callId = await bench.call();
    const broken = new ScriptedLeg();
    Object.assign(broken, { signals: { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error()) }) } });
    const leg = new ScriptedLeg().end('user_declined');
    const provider = new ScriptedProvider({
      dial: () => Promise.resolve(broken),
      find: () => Promise.resolve({ status: 'open', leg }),
    });
    const worker = bench.worker(provider);
    await worker.admit();
    await until('asked', () => provider.dials.length === 1);
    await until('no longer renewed', async () => {
      await bench.expireLeases();
      await worker.renew();
      const lapsed = await bench.db.database.query('select from live_calls where lease_until < clock_timestamp()');
      return lapsed.length === 1;
    });
    await worker.takeOver();
    expect(await bench.settled(callId, 'failed')).toMatchObject({ disconnectionReason: 'user_declined' });
    expect(provider.dials).toHaveLength(1);
  });

  describe('a carrier', () => {
    it('that refuses to be asked is not asked in a hot loop, and the call ends after a few tries', async () => {
      const callId = await bench.call();
      const provider = new ScriptedProvider({
        dial: () => Promise.reject(new Error('unreachable')),
        find: () => Promise.resolve({ status: 'never' }),
      });
      const worker = bench.worker(provider);
      for (let dials = 1; dials <= 6; dials++) {
        await worker.admit();
        await until('asked and put back', async () => provider.dials.length === dials && (await isFree(callId)));
        // Its wait is not over yet.
        await worker.admit();
        expect(provider.dials).toHaveLength(dials);
        await bench.db.database.query('update calls set not_before = created_at where id = $1', [callId]);
      }
      expect(await bench.settled(callId, 'failed')).toMatchObject({
        disconnectionReason: 'telephony_provider_unavailable',
        outcome: { responsible: 'carrier', retryable: true, detail: 'The carrier could not be asked' },
      });
      const waits = (await bench.timeline(callId)).flatMap(({ type, data }) =>
        type === 'call.deferred' ? [Date.parse(data.notBefore)] : [],
      );
      expect(waits).toHaveLength(5);
      expect(new Set(provider.finds).size).toBe(6);
    });

    it('that says no but has taken the call: it is carried to its end, not dialled again', async () => {
      const callId = await bench.call();
      const leg = new ScriptedLeg().say({ type: 'answered' }).end('agent_hangup');
      const provider = new ScriptedProvider({
        dial: () => Promise.reject(new Error('connection reset')),
        find: () => Promise.resolve({ status: 'open', leg }),
      });
      await bench.worker(provider).admit();
      await bench.settled(callId, 'completed');
      expect(provider).toMatchObject({ dials: [{ callId }], finds: [provider.dials[0]!.attemptId] });
    });

    it('that never answers a dial: error_unknown_outcome, and the leg is hung up should it come after all', async () => {
      const callId = await bench.call();
      const answer = pending<CallLeg>();
      const provider = new ScriptedProvider({ dial: () => answer.promise });
      await bench.worker(provider, { providerTimeoutMs: 50 }).admit();
      expect(await bench.settled(callId, 'failed')).toMatchObject({ disconnectionReason: 'error_unknown_outcome' });
      answer.resolve(provider.leg);
      await until('hung up', () => provider.leg.hangups === 1);
    });

    it('that rings for ever: our ring timeout ends the call', async () => {
      const callId = await bench.call();
      const provider = new ScriptedProvider();
      provider.leg.say({ type: 'ringing' });
      await bench.worker(provider, { ringTimeoutMs: 100 }).admit();
      expect(await bench.settled(callId, 'failed')).toMatchObject({
        disconnectionReason: 'dial_no_answer',
        duration: 0,
        outcome: { sipCode: 408, responsible: 'system', retryable: true },
      });
      expect(provider.leg.hangups).toBe(1);
    });

    it('whose call another service reports as answered: the ring timeout does not end it', async () => {
      const callId = await bench.call();
      const provider = new ScriptedProvider();
      await bench.worker(provider, { ringTimeoutMs: 100, maxDurationMs: 500 }).admit();
      await until('dialled', () => provider.dials.length === 1);
      await bench.calls.execute(callId, { type: 'ReportAnswer', at: new Date().toISOString() }, {});
      const call = await bench.settled(callId, 'completed');
      expect(call.disconnectionReason).toBe('max_duration_reached');
    });

    it('that cannot hang up at first is asked again, and the other calls do not wait for it', async () => {
      const [stubborn, other] = [new ScriptedLeg(), new ScriptedLeg()];
      stubborn.onHangup = () => (stubborn.hangups === 1 ? Promise.reject(new Error('try again')) : Promise.resolve());
      const legs = [stubborn, other];
      const provider = new ScriptedProvider({ dial: () => Promise.resolve(legs.shift()!) });
      const worker = bench.worker(provider);
      const calls: string[] = [];
      for (const place of [1, 2]) {
        calls.push(await bench.call());
        await worker.admit();
        await until('dialled', () => provider.dials.length === place);
      }
      for (const callId of calls) expect((await cancel(callId)).status).toBe(200);
      await worker.hangUpEnded();
      await bench.settled(calls[1]!, 'cancelled');
      await bench.settled(calls[0]!, 'cancelled');
      expect([stubborn.hangups, other.hangups]).toEqual([2, 1]);
    });
  });

  it('a database that fails while a call over its limit is ended: it is ended later', async () => {
    const callId = await bench.call();
    const provider = new ScriptedProvider();
    const { database } = bench.db;
    await bench.worker(provider, { ringTimeoutMs: 100 }).admit();
    await until('dialled', () => provider.dials.length === 1);
    await database.query('alter table call_events rename to call_events_away');
    await until('refused', async () => {
      const rows = await database.query<{ refused: boolean }>(
        `select clock_timestamp() > admitted_at + interval '2.5 s' as refused from live_calls where call_id = $1`,
        [callId],
      );
      return rows[0]!.refused;
    });
    await database.query('alter table call_events_away rename to call_events');
    expect(await bench.settled(callId, 'failed')).toMatchObject({ disconnectionReason: 'dial_no_answer' });
  });
});
