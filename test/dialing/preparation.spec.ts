import { type CallCommand } from '../../src/calls/call.js';
import { type PreparationResult } from '../../src/sessions/preparation/call-preparation.js';
import { type SessionPlan } from '../../src/sessions/session-plan.js';
import { type AudioPort } from '../../src/lib/audio/audio-port.js';
import { type VoiceSession } from '../../src/voice/voice-session.js';
import { ScriptedLeg, ScriptedProvider } from './scripted-provider.js';
import { DialingHarness, type FakeSessions, line, until } from './dialing-harness.js';

const PLAN = { used: { agentVersion: 3 }, maxDurationMs: undefined } as unknown as SessionPlan;
const AUDIO = {} as AudioPort;
const END: CallCommand = {
  type: 'EndCall',
  at: new Date().toISOString(),
  disconnectionReason: 'error_speech_provider',
  outcome: { sipCode: null, responsible: 'system', retryable: true, detail: 'No voice' },
};
const POSTPONED: PreparationResult = { status: 'postponed', reason: 'No voice', otherwise: END };

describe('the preparation of a call', () => {
  let harness: DialingHarness;
  let provider: ScriptedProvider;
  let sessions: number;

  beforeAll(async () => {
    harness = await DialingHarness.open();
  });

  beforeEach(() => {
    provider = new ScriptedProvider();
    sessions = 0;
  });

  afterEach(() => harness.clear());
  afterAll(() => harness.close());

  const sessionsWith = (prepare: (signal: AbortSignal | undefined) => Promise<PreparationResult>): FakeSessions => ({
    prepare: (_callId, _facts, signal) => prepare(signal),
    start: () => {
      sessions++;
      const never = new Promise<never>(() => undefined);
      return { ended: never, stop: () => undefined } as unknown as VoiceSession;
    },
    finishRecording: () => Promise.resolve(),
  });

  it('that fails for a passing reason postpones the call four times, then ends it', async () => {
    const callId = await harness.call();
    const worker = harness.worker(
      provider,
      {},
      sessionsWith(() => Promise.resolve(POSTPONED)),
    );
    for (let n = 1; n <= 4; n++) {
      await worker.admit();
      await until(
        'postponed',
        async () => (await harness.types(callId)).filter((type) => type === 'call.deferred').length === n,
      );
      await until('released', async () => (await harness.ownerOf(callId)) === undefined);
      await harness.db.database.query(`update calls set not_before = now() where id = $1`, [callId]);
    }
    await worker.admit();
    const call = await harness.settled(callId, 'failed');
    expect(call).toMatchObject({ disconnectionReason: 'error_speech_provider', outcome: { detail: 'No voice' } });
    expect(await harness.types(callId)).toEqual([
      'call.queued',
      ...Array<string>(4).fill('call.deferred'),
      'call.ended',
    ]);
    expect(provider.dials).toEqual([]);
  });

  it('is aborted by a worker that stops, and nothing is dialled', async () => {
    const callId = await harness.call();
    let received: AbortSignal | undefined;
    const worker = harness.worker(
      provider,
      {},
      sessionsWith(
        (signal) =>
          new Promise((_, reject) => {
            received = signal;
            signal?.addEventListener('abort', () => {
              reject(new Error('aborted'));
            });
          }),
      ),
    );
    await worker.admit();
    await until('prepared', () => received !== undefined);
    await worker.stop();
    expect(provider.dials).toEqual([]);
    expect(await harness.types(callId)).toEqual(['call.queued']);
  });

  it('leads to a session even if the provider accepts the call late', async () => {
    const callId = await harness.call();
    const leg = new ScriptedLeg();
    leg.audio = AUDIO;
    const late = new ScriptedProvider({
      dial: () => new Promise(() => undefined),
      find: () => Promise.resolve({ status: 'open', leg }),
    });
    const worker = harness.worker(
      late,
      { providerTimeoutMs: 1 },
      sessionsWith(() => Promise.resolve({ status: 'ready', line, plan: PLAN })),
    );
    await worker.admit();
    leg.signal({ type: 'answered' });
    await until('the session starts', () => sessions === 1);
    expect((await harness.timeline(callId)).find(({ type }) => type === 'call.dialing')?.data).toMatchObject({
      agentVersion: 3,
    });
    leg.end('user_hangup');
    await harness.settled(callId, 'completed');
  });

  it('is lost with its worker: a taken-over leg with audio is hung up', async () => {
    const { callId } = await harness.claimedByDeadWorker('ReportRinging', 'ReportAnswer');
    const leg = new ScriptedLeg();
    leg.audio = AUDIO;
    const other = new ScriptedProvider({ find: () => Promise.resolve({ status: 'open', leg }) });
    await harness
      .worker(
        other,
        {},
        sessionsWith(() => Promise.resolve({ status: 'ready', line, plan: PLAN })),
      )
      .takeOver();
    expect(await harness.settled(callId, 'completed')).toMatchObject({ disconnectionReason: 'error_media_lost' });
    expect([leg.hangups, sessions]).toEqual([1, 0]);
  });
});
