import { type CallCommand } from '../../src/calls/call.js';
import { type PreparationResult } from '../../src/sessions/preparation/call-preparation.js';
import { type SessionPlan } from '../../src/sessions/session-plan.js';
import { type CallSessions } from '../../src/dialing/call-dialer.js';
import { type AudioPort } from '../../src/lib/audio/audio-port.js';
import { type VoiceSession } from '../../src/voice/voice-session.js';
import { ScriptedLeg, ScriptedProvider } from './scripted-provider.js';
import { until, Workbench } from './dialing-harness.js';

const PLAN = { used: { agentVersion: 3 }, maxDurationMs: undefined } as unknown as SessionPlan;
const AUDIO = {} as AudioPort;
const END: CallCommand = {
  type: 'EndCall',
  at: new Date().toISOString(),
  disconnectionReason: 'error_speech_provider',
  outcome: { sipCode: null, responsible: 'system', retryable: true, detail: 'No voice' },
};
const POSTPONED: PreparationResult = { status: 'postponed', reason: 'No voice', otherwise: END };

describe('a call that is prepared before it is dialled', () => {
  let bench: Workbench;
  let provider: ScriptedProvider;
  let talks: number;

  beforeAll(async () => {
    bench = await Workbench.open();
  });

  beforeEach(() => {
    provider = new ScriptedProvider();
    talks = 0;
  });

  afterEach(() => bench.clear());
  afterAll(() => bench.close());

  const supported = (prepare: (signal: AbortSignal | undefined) => Promise<PreparationResult>): CallSessions => ({
    prepare: (_callId, _facts, signal) => prepare(signal),
    start: () => {
      talks++;
      const never = new Promise<never>(() => undefined);
      return { ended: never, stop: () => undefined } as unknown as VoiceSession;
    },
    finishRecording: () => Promise.resolve(),
  });

  it('is postponed while nobody can say what it has to say, four times, and then ends with the reason', async () => {
    const callId = await bench.call();
    const worker = bench.worker(
      provider,
      {},
      supported(() => Promise.resolve(POSTPONED)),
    );
    for (let n = 1; n <= 4; n++) {
      await worker.admit();
      await until(
        'postponed',
        async () => (await bench.types(callId)).filter((type) => type === 'call.deferred').length === n,
      );
      await until('released', async () => (await bench.ownerOf(callId)) === undefined);
      await bench.db.database.query(`update calls set not_before = now() where id = $1`, [callId]);
    }
    await worker.admit();
    const call = await bench.settled(callId, 'failed');
    expect(call).toMatchObject({ disconnectionReason: 'error_speech_provider', outcome: { detail: 'No voice' } });
    expect(await bench.types(callId)).toEqual(['call.queued', ...Array<string>(4).fill('call.deferred'), 'call.ended']);
    expect(provider.dials).toEqual([]);
  });

  it('is not dialled by a worker that stops meanwhile, which gives the preparation up', async () => {
    const callId = await bench.call();
    let given: AbortSignal | undefined;
    const worker = bench.worker(
      provider,
      {},
      supported(
        (signal) =>
          new Promise((_, reject) => {
            given = signal;
            signal?.addEventListener('abort', () => {
              reject(new Error('given up'));
            });
          }),
      ),
    );
    await worker.admit();
    await until('prepared', () => given !== undefined);
    await worker.stop();
    expect(provider.dials).toEqual([]);
    expect(await bench.types(callId)).toEqual(['call.queued']);
  });

  it('speaks also where the provider took it late', async () => {
    const callId = await bench.call();
    const leg = new ScriptedLeg();
    leg.audio = AUDIO;
    const late = new ScriptedProvider({
      dial: () => new Promise(() => undefined),
      find: () => Promise.resolve({ status: 'open', leg }),
    });
    const worker = bench.worker(
      late,
      { providerTimeoutMs: 1 },
      supported(() => Promise.resolve({ status: 'ready', plan: PLAN })),
    );
    await worker.admit();
    leg.say({ type: 'answered' });
    await until('somebody speaks', () => talks === 1);
    expect((await bench.timeline(callId)).find(({ type }) => type === 'call.dialing')?.data).toMatchObject({
      agentVersion: 3,
    });
    leg.end('user_hangup');
    await bench.settled(callId, 'completed');
  });

  it('is hung up where nobody would speak: the worker that knew what to say is gone', async () => {
    const { callId } = await bench.claimedByTheDead('ReportRinging', 'ReportAnswer');
    const leg = new ScriptedLeg();
    leg.audio = AUDIO;
    const other = new ScriptedProvider({ find: () => Promise.resolve({ status: 'open', leg }) });
    await bench
      .worker(
        other,
        {},
        supported(() => Promise.resolve({ status: 'ready', plan: PLAN })),
      )
      .takeOver();
    expect(await bench.settled(callId, 'completed')).toMatchObject({ disconnectionReason: 'error_media_lost' });
    expect([leg.hangups, talks]).toEqual([1, 0]);
  });
});
