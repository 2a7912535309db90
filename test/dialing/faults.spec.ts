import { appendToCall, CALLS_PROJECTION } from '../../src/calls/call-append.js';
import { decide } from '../../src/calls/call.js';
import { appendParameter, appendStatement } from '../../src/lib/event-store/append-statement.js';
import { type CallLeg } from '../../src/telephony/provider.js';
import { ScriptedLeg, ScriptedProvider } from './scripted-provider.js';
import { NO_LIMITS } from '../../src/dialing/dialing-options.js';
import { DialingHarness, until } from './dialing-harness.js';

/** A promise with its resolvers. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

describe('dialing', () => {
  let harness: DialingHarness;

  beforeAll(async () => {
    harness = await DialingHarness.open();
  });

  afterEach(() => harness.clear());
  afterAll(() => harness.close());

  const cancel = (callId: string) =>
    harness.app.request('POST', `/v1/calls/${callId}/cancel`, { key: harness.tenant.key });
  const isFree = async (callId: string) => (await harness.ownerOf(callId)) === undefined;

  describe('by a worker that has lost the lease', () => {
    it('detaches from the call, and later signals change nothing', async () => {
      const callId = await harness.call();
      const staleProvider = new ScriptedProvider();
      const stale = harness.worker(staleProvider);
      await stale.admit();
      staleProvider.leg.signal({ type: 'answered' });
      await until('answered', async () => (await harness.types(callId)).includes('call.started'));
      await harness.expireLeases();
      const leg = new ScriptedLeg();
      const successor = harness.worker(new ScriptedProvider({ find: () => Promise.resolve({ status: 'open', leg }) }));
      await successor.takeOver();
      await stale.renew();
      await until('detached', () => staleProvider.leg.isDetached);
      staleProvider.leg.end('dial_busy');
      await stale.renew();
      await stale.hangUpEnded();
      expect(await harness.ownerOf(callId)).toBe(successor.owner);
      expect((await harness.get(callId)).status).toBe('in_progress');
      expect(staleProvider.leg.hangups).toBe(0);
      leg.end('user_hangup');
      expect(await harness.settled(callId, 'completed')).toMatchObject({ disconnectionReason: 'user_hangup' });
    });

    it('does not touch a later attempt when its provider refuses late', async () => {
      const callId = await harness.call();
      const answer = deferred<CallLeg>();
      const slow = new ScriptedProvider({ dial: () => answer.promise });
      const stale = harness.worker(slow);
      await stale.admit();
      await until('asked', () => slow.dials.length === 1);
      await harness.expireLeases();
      const provider = new ScriptedProvider({ find: () => Promise.resolve({ status: 'never' }) });
      const successor = harness.worker(provider);
      await successor.takeOver();
      await until('queued again', () => isFree(callId));
      await successor.admit();
      await until('dialled', () => provider.dials.length === 1);
      answer.reject(new Error('refused'));
      await stale.stop();
      expect(slow.finds).toEqual([]);
      expect(await harness.ownerOf(callId)).toBe(successor.owner);
      expect(await harness.types(callId)).toEqual(['call.queued', 'call.dialing', 'call.deferred', 'call.dialing']);
    });
  });

  it('does not dial a call that is cancelled between admission and claim, and frees its place', async () => {
    const callId = await harness.call();
    const provider = new ScriptedProvider();
    const worker = harness.worker(provider, { limits: { ...NO_LIMITS, callsPerSecond: 5 } });
    const state = await harness.calls.stateOf(callId);
    const events = decide({ type: 'CancelCall', at: new Date().toISOString() }, state);
    const append = appendToCall(callId, 1, state, events, {});
    await harness.db.database.transaction(async (client) => {
      await client.query(appendStatement(CALLS_PROJECTION).text, [appendParameter([append])]);
      await worker.admit();
      // The claim waits for this transaction, and is too late after it.
      await until('admitted', async () => !(await isFree(callId)));
      await until('waiting', async () => {
        const waiting = await harness.db.database.query(
          `select from pg_stat_activity where wait_event_type = 'Lock'
             and datname = current_database()`,
        );
        return waiting.length > 0;
      });
    });
    await harness.settled(callId, 'cancelled');
    expect(provider.dials).toHaveLength(0);
    expect(await harness.db.database.query('select from carrier_admissions')).toHaveLength(0);
  });

  it('counts dialled calls for the calls per second of the carrier', async () => {
    const callId = await harness.call();
    const provider = new ScriptedProvider();
    const worker = harness.worker(provider, { limits: { ...NO_LIMITS, callsPerSecond: 5 } });
    const tokens = () =>
      harness.db.database.query<{ asked_at: Date | null }>('select asked_at from carrier_admissions');
    await worker.admit();
    await until('the dial is confirmed', async () => (await tokens())[0]?.asked_at != null);
    provider.leg.end('dial_busy');
    await harness.settled(callId, 'failed');
    expect(await tokens()).toHaveLength(1);
  });

  it('does not renew the lease of a failed call: the same worker takes it over', async () => {
    const callId = await harness.call();
    const broken = new ScriptedLeg();
    Object.assign(broken, { signals: { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error()) }) } });
    const leg = new ScriptedLeg().end('user_declined');
    const provider = new ScriptedProvider({
      dial: () => Promise.resolve(broken),
      find: () => Promise.resolve({ status: 'open', leg }),
    });
    const worker = harness.worker(provider);
    await worker.admit();
    await until('asked', () => provider.dials.length === 1);
    await until('the lease runs out', async () => {
      await harness.expireLeases();
      await worker.renew();
      const lapsed = await harness.db.database.query('select from live_calls where lease_until < clock_timestamp()');
      return lapsed.length === 1;
    });
    await worker.takeOver();
    expect(await harness.settled(callId, 'failed')).toMatchObject({ disconnectionReason: 'user_declined' });
    expect(provider.dials).toHaveLength(1);
  });

  describe('with a provider', () => {
    it('that refuses every dial: tries again with delays, and ends the call after a few', async () => {
      const callId = await harness.call();
      const provider = new ScriptedProvider({
        dial: () => Promise.reject(new Error('unreachable')),
        find: () => Promise.resolve({ status: 'never' }),
      });
      const worker = harness.worker(provider);
      for (let dials = 1; dials <= 6; dials++) {
        await worker.admit();
        await until('refused and queued again', async () => provider.dials.length === dials && (await isFree(callId)));
        // The delay is not over.
        await worker.admit();
        expect(provider.dials).toHaveLength(dials);
        await harness.db.database.query('update calls set not_before = created_at where id = $1', [callId]);
      }
      expect(await harness.settled(callId, 'failed')).toMatchObject({
        disconnectionReason: 'telephony_provider_unavailable',
        outcome: { responsible: 'carrier', retryable: true, detail: 'The carrier could not be asked' },
      });
      const waits = (await harness.timeline(callId)).flatMap(({ type, data }) =>
        type === 'call.deferred' ? [Date.parse(data.notBefore)] : [],
      );
      expect(waits).toHaveLength(5);
      expect(new Set(provider.finds).size).toBe(6);
    });

    it('that fails after it has accepted the call: follows the call, without a second dial', async () => {
      const callId = await harness.call();
      const leg = new ScriptedLeg().signal({ type: 'answered' }).end('agent_hangup');
      const provider = new ScriptedProvider({
        dial: () => Promise.reject(new Error('connection reset')),
        find: () => Promise.resolve({ status: 'open', leg }),
      });
      await harness.worker(provider).admit();
      await harness.settled(callId, 'completed');
      expect(provider).toMatchObject({ dials: [{ callId }], finds: [provider.dials[0]!.attemptId] });
    });

    it('that never answers a dial: ends the call as error_unknown_outcome, and hangs up a late leg', async () => {
      const callId = await harness.call();
      const answer = deferred<CallLeg>();
      const provider = new ScriptedProvider({ dial: () => answer.promise });
      await harness.worker(provider, { providerTimeoutMs: 50 }).admit();
      expect(await harness.settled(callId, 'failed')).toMatchObject({ disconnectionReason: 'error_unknown_outcome' });
      answer.resolve(provider.leg);
      await until('hung up', () => provider.leg.hangups === 1);
    });

    it('that rings for ever: ends the call by the ring timeout', async () => {
      const callId = await harness.call();
      const provider = new ScriptedProvider();
      provider.leg.signal({ type: 'ringing' });
      await harness.worker(provider, { ringTimeoutMs: 100 }).admit();
      expect(await harness.settled(callId, 'failed')).toMatchObject({
        disconnectionReason: 'dial_no_answer',
        duration: 0,
        outcome: { sipCode: 408, responsible: 'system', retryable: true },
      });
      expect(provider.leg.hangups).toBe(1);
    });

    it('whose answer arrives as an external event: does not apply the ring timeout', async () => {
      const callId = await harness.call();
      const provider = new ScriptedProvider();
      await harness.worker(provider, { ringTimeoutMs: 100, maxDurationMs: 500 }).admit();
      await until('dialled', () => provider.dials.length === 1);
      await harness.calls.execute(callId, { type: 'ReportAnswer', at: new Date().toISOString() }, {});
      const call = await harness.settled(callId, 'completed');
      expect(call.disconnectionReason).toBe('max_duration_reached');
    });

    it('that fails to hang up: retries, and other calls do not wait', async () => {
      const [failing, other] = [new ScriptedLeg(), new ScriptedLeg()];
      failing.onHangup = () => (failing.hangups === 1 ? Promise.reject(new Error('try again')) : Promise.resolve());
      const legs = [failing, other];
      const provider = new ScriptedProvider({ dial: () => Promise.resolve(legs.shift()!) });
      const worker = harness.worker(provider);
      const calls: string[] = [];
      for (const place of [1, 2]) {
        calls.push(await harness.call());
        await worker.admit();
        await until('dialled', () => provider.dials.length === place);
      }
      for (const callId of calls) expect((await cancel(callId)).status).toBe(200);
      await worker.hangUpEnded();
      await harness.settled(calls[1]!, 'cancelled');
      await harness.settled(calls[0]!, 'cancelled');
      expect([failing.hangups, other.hangups]).toEqual([2, 1]);
    });
  });

  it('ends a call over its limit later when the database fails', async () => {
    const callId = await harness.call();
    const provider = new ScriptedProvider();
    const { database } = harness.db;
    await harness.worker(provider, { ringTimeoutMs: 100 }).admit();
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
    expect(await harness.settled(callId, 'failed')).toMatchObject({ disconnectionReason: 'dial_no_answer' });
  });
});
