import { type FoundLeg } from '../../src/telephony/provider.js';
import { ScriptedLeg, ScriptedProvider } from './scripted-provider.js';
import { until, DialingHarness } from './dialing-harness.js';

const finding = (found: FoundLeg) => new ScriptedProvider({ find: () => Promise.resolve(found) });
const claims = (timeline: { type: string; data: any }[]): string[] =>
  timeline.filter(({ type }) => type === 'call.dialing').map(({ data }) => data.claim as string);

describe('a take-over', () => {
  let harness: DialingHarness;

  beforeAll(async () => {
    harness = await DialingHarness.open();
  });

  afterEach(() => harness.clear());
  afterAll(() => harness.close());

  describe('of a call that a dead worker left', () => {
    it('admitted, not claimed: dials it once', async () => {
      const { callId } = await harness.admittedByDeadWorker();
      const provider = new ScriptedProvider();
      const worker = harness.worker(provider);
      await worker.admit();
      expect(provider.dials).toHaveLength(0);
      await worker.takeOver();
      await until('queued again', async () => (await harness.ownerOf(callId)) === undefined);
      await worker.admit();
      await until('dialled', () => provider.dials.length === 1);
      provider.leg.end('dial_busy');
      await harness.settled(callId, 'failed');
      expect(await harness.types(callId)).toEqual(['call.queued', 'call.dialing', 'call.ended']);
      expect(provider).toMatchObject({ dials: [{ callId }], finds: [] });
    });

    it('claimed, never dialled: queues it again without a new attempt, and dials it once', async () => {
      const { callId, claim } = await harness.claimedByDeadWorker();
      const provider = finding({ status: 'never' });
      const worker = harness.worker(provider);
      await worker.takeOver();
      await until('queued again', async () => (await harness.ownerOf(callId)) === undefined);
      expect((await harness.get(callId)).status).toBe('queued');
      await worker.admit();
      await until('dialled', () => provider.dials.length === 1);
      provider.leg.end('dial_busy');
      await harness.settled(callId, 'failed');
      const timeline = await harness.timeline(callId);
      const expected = ['call.queued', 'call.dialing', 'call.deferred', 'call.dialing', 'call.ended'];
      expect(timeline.map(({ type }) => type)).toEqual(expected);
      expect(timeline.flatMap(({ data }) => data.attempt ?? [])).toEqual([1, 1]);
      expect(provider.finds).toEqual([claim]);
      expect(claims(timeline)).toEqual([claim, provider.dials[0]!.attemptId]);
      expect(provider.dials[0]!.attemptId).not.toBe(claim);
    });

    it('accepted by the provider: follows it to its end', async () => {
      const { callId, claim } = await harness.claimedByDeadWorker('ReportRinging');
      const leg = new ScriptedLeg().signal({ type: 'ringing' }).signal({ type: 'answered' });
      const provider = finding({ status: 'open', leg });
      await harness.worker(provider).takeOver();
      leg.signal({ type: 'turn', speaker: 'agent', text: 'Hello', startMs: 0, endMs: 400 }).end('user_hangup');
      const call = await harness.settled(callId, 'completed');
      expect(call).toMatchObject({ disconnectionReason: 'user_hangup', transcript: 'Agent: Hello' });
      const expected = ['call.queued', 'call.dialing', 'call.ringing', 'call.started', 'call.ended'];
      expect(await harness.types(callId)).toEqual(expected);
      expect(provider).toMatchObject({ finds: [claim], dials: [] });
    });

    it('ended meanwhile: records its true end with the true times', async () => {
      const { callId } = await harness.claimedByDeadWorker();
      const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, seconds));
      const signals = [
        { type: 'ringing', at: at(1) } as const,
        { type: 'answered', at: at(3) } as const,
        { type: 'ended', at: at(45), reason: 'agent_hangup', by: 'agent', sipCode: null, detail: null } as const,
      ];
      await harness.worker(finding({ status: 'ended', signals })).takeOver();
      expect(await harness.settled(callId, 'completed')).toMatchObject({
        disconnectionReason: 'agent_hangup',
        startedAt: at(3).toISOString(),
        endedAt: at(45).toISOString(),
        duration: 42,
      });
    });

    it('ended without an end signal: ends it with an unknown outcome', async () => {
      const { callId } = await harness.claimedByDeadWorker();
      await harness.worker(finding({ status: 'ended', signals: [{ type: 'ringing', at: new Date() }] })).takeOver();
      expect(await harness.settled(callId, 'failed')).toMatchObject({ disconnectionReason: 'error_unknown_outcome' });
    });

    it.each<[string, () => Promise<FoundLeg>]>([
      ['with an unknown outcome', () => Promise.resolve({ status: 'unknown' })],
      ['at an unreachable provider', () => Promise.reject(new Error('unreachable'))],
    ])('%s: ends it as error_unknown_outcome without a second dial', async (_, find) => {
      const { callId } = await harness.claimedByDeadWorker();
      const provider = new ScriptedProvider({ find });
      const worker = harness.worker(provider);
      await worker.takeOver();
      const call = await harness.settled(callId, 'failed');
      expect(call.disconnectionReason).toBe('error_unknown_outcome');
      expect(call.outcome).toMatchObject({ responsible: 'system', retryable: false, sipCode: null });
      await worker.admit();
      expect(provider.dials).toHaveLength(0);
    });

    it.each(['unknown', 'never'] as const)(
      'connected, and %s to the provider: ends it as error_media_lost',
      async (status) => {
        const { callId } = await harness.claimedByDeadWorker('ReportAnswer');
        const provider = finding({ status });
        await harness.worker(provider).takeOver();
        expect(await harness.settled(callId, 'completed')).toMatchObject({
          disconnectionReason: 'error_media_lost',
          outcome: { responsible: 'system', retryable: true },
        });
        expect(provider.dials).toHaveLength(0);
      },
    );

    it('connected, with an open leg without signals: the maximum duration ends it', async () => {
      const { callId } = await harness.claimedByDeadWorker('ReportAnswer');
      const leg = new ScriptedLeg();
      await harness.worker(finding({ status: 'open', leg }), { ringTimeoutMs: 1, maxDurationMs: 10 }).takeOver();
      const call = await harness.settled(callId, 'completed');
      expect(call.disconnectionReason).toBe('max_duration_reached');
      expect(leg.hangups).toBe(1);
    });

    it('cancelled meanwhile: hangs up the ringing leg', async () => {
      const { callId } = await harness.claimedByDeadWorker('ReportRinging');
      const { status } = await harness.app.request('POST', `/v1/calls/${callId}/cancel`, { key: harness.tenant.key });
      expect(status).toBe(200);
      const leg = new ScriptedLeg();
      await harness.worker(finding({ status: 'open', leg })).takeOver();
      await harness.settled(callId, 'cancelled');
      expect(leg.hangups).toBe(1);
    });

    it('in progress without a lease: ends it too', async () => {
      const { callId } = await harness.claimedByDeadWorker('ReportAnswer');
      await harness.db.database.query('delete from live_calls where call_id = $1', [callId]);
      await harness.worker(finding({ status: 'unknown' })).takeOver();
      expect(await harness.settled(callId, 'completed')).toMatchObject({ disconnectionReason: 'error_media_lost' });
    });

    it('by several workers at once: one of them gets each call', async () => {
      const calls = await Promise.all(Array.from({ length: 12 }, () => harness.call()));
      await harness.admittedByDeadWorker();
      const dead = new Map<string, string>();
      for (const callId of calls) {
        const claim = crypto.randomUUID();
        const command = { type: 'DialCall', at: new Date().toISOString(), provider: 'scripted', claim } as const;
        await harness.calls.execute(callId, command, {});
        dead.set(callId, claim);
      }
      // Half of them have lost their lease too.
      await harness.db.database.query('delete from live_calls where call_id = any ($1)', [calls.slice(6)]);
      const provider = finding({ status: 'unknown' });
      await Promise.all(Array.from({ length: 4 }, () => harness.worker(provider).takeOver()));
      for (const callId of calls) await harness.settled(callId, 'failed');
      expect(provider.finds.sort()).toEqual([...dead.values()].sort());
    });
  });

  it('does not touch leased calls or released ones', async () => {
    const callId = await harness.call();
    const provider = new ScriptedProvider();
    const owner = harness.worker(provider);
    await owner.admit();
    await until('dialled', () => provider.dials.length === 1);
    const other = finding({ status: 'unknown' });
    await harness.worker(other).takeOver();
    expect(await harness.ownerOf(callId)).toBe(owner.owner);
    provider.leg.end('dial_busy');
    await harness.settled(callId, 'failed');
    expect(other.finds).toEqual([]);
  });

  it('carries on a call of a worker that has stopped', async () => {
    const callId = await harness.call();
    const provider = new ScriptedProvider();
    const first = harness.worker(provider);
    await first.admit();
    provider.leg.signal({ type: 'answered' });
    await until('answered', async () => (await harness.types(callId)).includes('call.started'));
    await first.stop();
    expect(provider.leg).toMatchObject({ hangups: 0, isDetached: true });
    const leg = new ScriptedLeg().end('user_hangup');
    await harness.worker(finding({ status: 'open', leg })).takeOver();
    await harness.settled(callId, 'completed');
  });
});
