import { type FoundLeg } from '../../src/telephony/provider.js';
import { ScriptedLeg, ScriptedProvider } from './scripted-provider.js';
import { until, Workbench } from './dialing-harness.js';

const finding = (found: FoundLeg) => new ScriptedProvider({ find: () => Promise.resolve(found) });
const claims = (timeline: { type: string; data: any }[]): string[] =>
  timeline.filter(({ type }) => type === 'call.dialing').map(({ data }) => data.claim as string);

describe('taking over', () => {
  let bench: Workbench;

  beforeAll(async () => {
    bench = await Workbench.open();
  });

  afterEach(() => bench.clear());
  afterAll(() => bench.close());

  describe('what a dead worker left', () => {
    it('admitted, not claimed: another dials it, once', async () => {
      const { callId } = await bench.admittedByTheDead();
      const provider = new ScriptedProvider();
      const worker = bench.worker(provider);
      await worker.admit();
      expect(provider.dials).toHaveLength(0);
      await worker.takeOver();
      await until('back in the line', async () => (await bench.ownerOf(callId)) === undefined);
      await worker.admit();
      await until('dialled', () => provider.dials.length === 1);
      provider.leg.end('dial_busy');
      await bench.settled(callId, 'failed');
      expect(await bench.types(callId)).toEqual(['call.queued', 'call.dialing', 'call.ended']);
      expect(provider).toMatchObject({ dials: [{ callId }], finds: [] });
    });

    it('claimed, the provider never asked: back to the line, no attempt spent, dialled once', async () => {
      const { callId, claim } = await bench.claimedByTheDead();
      const provider = finding({ status: 'never' });
      const worker = bench.worker(provider);
      await worker.takeOver();
      await until('back in the line', async () => (await bench.ownerOf(callId)) === undefined);
      expect((await bench.get(callId)).status).toBe('queued');
      await worker.admit();
      await until('dialled', () => provider.dials.length === 1);
      provider.leg.end('dial_busy');
      await bench.settled(callId, 'failed');
      const timeline = await bench.timeline(callId);
      const expected = ['call.queued', 'call.dialing', 'call.deferred', 'call.dialing', 'call.ended'];
      expect(timeline.map(({ type }) => type)).toEqual(expected);
      expect(timeline.flatMap(({ data }) => data.attempt ?? [])).toEqual([1, 1]);
      expect(provider.finds).toEqual([claim]);
      expect(claims(timeline)).toEqual([claim, provider.dials[0]!.attemptId]);
      expect(provider.dials[0]!.attemptId).not.toBe(claim);
    });

    it('accepted by the provider: carried to its end by the other', async () => {
      const { callId, claim } = await bench.claimedByTheDead('ReportRinging');
      const leg = new ScriptedLeg().say({ type: 'ringing' }).say({ type: 'answered' });
      const provider = finding({ status: 'open', leg });
      await bench.worker(provider).takeOver();
      leg.say({ type: 'turn', speaker: 'agent', text: 'Hello', startMs: 0, endMs: 400 }).end('user_hangup');
      const call = await bench.settled(callId, 'completed');
      expect(call).toMatchObject({ disconnectionReason: 'user_hangup', transcript: 'Agent: Hello' });
      const expected = ['call.queued', 'call.dialing', 'call.ringing', 'call.started', 'call.ended'];
      expect(await bench.types(callId)).toEqual(expected);
      expect(provider).toMatchObject({ finds: [claim], dials: [] });
    });

    it('over meanwhile: its true end, with the times at which it happened', async () => {
      const { callId } = await bench.claimedByTheDead();
      const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, seconds));
      const signals = [
        { type: 'ringing', at: at(1) } as const,
        { type: 'answered', at: at(3) } as const,
        { type: 'ended', at: at(45), reason: 'agent_hangup', by: 'agent', sipCode: null, detail: null } as const,
      ];
      await bench.worker(finding({ status: 'ended', signals })).takeOver();
      expect(await bench.settled(callId, 'completed')).toMatchObject({
        disconnectionReason: 'agent_hangup',
        startedAt: at(3).toISOString(),
        endedAt: at(45).toISOString(),
        duration: 42,
      });
    });

    it('over, but nobody tells how: an end all the same', async () => {
      const { callId } = await bench.claimedByTheDead();
      await bench.worker(finding({ status: 'ended', signals: [{ type: 'ringing', at: new Date() }] })).takeOver();
      expect(await bench.settled(callId, 'failed')).toMatchObject({ disconnectionReason: 'error_unknown_outcome' });
    });

    it.each<[string, () => Promise<FoundLeg>]>([
      ['the provider cannot tell', () => Promise.resolve({ status: 'unknown' })],
      ['the provider cannot be asked', () => Promise.reject(new Error('unreachable'))],
    ])('%s: failed as error_unknown_outcome, and no second dial', async (_, find) => {
      const { callId } = await bench.claimedByTheDead();
      const provider = new ScriptedProvider({ find });
      const worker = bench.worker(provider);
      await worker.takeOver();
      const call = await bench.settled(callId, 'failed');
      expect(call.disconnectionReason).toBe('error_unknown_outcome');
      expect(call.outcome).toMatchObject({ responsible: 'system', retryable: false, sipCode: null });
      await worker.admit();
      expect(provider.dials).toHaveLength(0);
    });

    it.each(['unknown', 'never'] as const)('connected, then %s to the provider: error_media_lost', async (status) => {
      const { callId } = await bench.claimedByTheDead('ReportAnswer');
      const provider = finding({ status });
      await bench.worker(provider).takeOver();
      expect(await bench.settled(callId, 'completed')).toMatchObject({
        disconnectionReason: 'error_media_lost',
        outcome: { responsible: 'system', retryable: true },
      });
      expect(provider.dials).toHaveLength(0);
    });

    it('connected, and the provider that still has it says nothing more: our maximum duration ends it', async () => {
      const { callId } = await bench.claimedByTheDead('ReportAnswer');
      const leg = new ScriptedLeg();
      await bench.worker(finding({ status: 'open', leg }), { ringTimeoutMs: 1, maxDurationMs: 10 }).takeOver();
      const call = await bench.settled(callId, 'completed');
      expect(call.disconnectionReason).toBe('max_duration_reached');
      expect(leg.hangups).toBe(1);
    });

    it('cancelled while nobody carried it: the phone stops ringing', async () => {
      const { callId } = await bench.claimedByTheDead('ReportRinging');
      const { status } = await bench.app.request('POST', `/v1/calls/${callId}/cancel`, { key: bench.tenant.key });
      expect(status).toBe(200);
      const leg = new ScriptedLeg();
      await bench.worker(finding({ status: 'open', leg })).takeOver();
      await bench.settled(callId, 'cancelled');
      expect(leg.hangups).toBe(1);
    });

    it('under way and held by nobody at all: closed too', async () => {
      const { callId } = await bench.claimedByTheDead('ReportAnswer');
      await bench.db.database.query('delete from live_calls where call_id = $1', [callId]);
      await bench.worker(finding({ status: 'unknown' })).takeOver();
      expect(await bench.settled(callId, 'completed')).toMatchObject({ disconnectionReason: 'error_media_lost' });
    });

    it('taken over by several at once: each call by one', async () => {
      const calls = await Promise.all(Array.from({ length: 12 }, () => bench.call()));
      await bench.admittedByTheDead();
      const dead = new Map<string, string>();
      for (const callId of calls) {
        const claim = crypto.randomUUID();
        const command = { type: 'DialCall', at: new Date().toISOString(), provider: 'scripted', claim } as const;
        await bench.calls.execute(callId, command, {});
        dead.set(callId, claim);
      }
      // Half of them were lost together with what says that they are in hand.
      await bench.db.database.query('delete from live_calls where call_id = any ($1)', [calls.slice(6)]);
      const provider = finding({ status: 'unknown' });
      await Promise.all(Array.from({ length: 4 }, () => bench.worker(provider).takeOver()));
      for (const callId of calls) await bench.settled(callId, 'failed');
      expect(provider.finds.sort()).toEqual([...dead.values()].sort());
    });
  });

  it('leaves alone what is held, and what was released in time', async () => {
    const callId = await bench.call();
    const provider = new ScriptedProvider();
    const owner = bench.worker(provider);
    await owner.admit();
    await until('dialled', () => provider.dials.length === 1);
    const other = finding({ status: 'unknown' });
    await bench.worker(other).takeOver();
    expect(await bench.ownerOf(callId)).toBe(owner.owner);
    provider.leg.end('dial_busy');
    await bench.settled(callId, 'failed');
    expect(other.finds).toEqual([]);
  });

  it('what a worker gives up when it stops is carried on by the next', async () => {
    const callId = await bench.call();
    const provider = new ScriptedProvider();
    const first = bench.worker(provider);
    await first.admit();
    provider.leg.say({ type: 'answered' });
    await until('answered', async () => (await bench.types(callId)).includes('call.started'));
    await first.stop();
    expect(provider.leg).toMatchObject({ hangups: 0, isLeft: true });
    const leg = new ScriptedLeg().end('user_hangup');
    await bench.worker(finding({ status: 'open', leg })).takeOver();
    await bench.settled(callId, 'completed');
  });
});
