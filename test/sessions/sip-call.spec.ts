import { find, joined, silence, speech } from '../support/audio.js';
import { Baresip, BARESIP_NUMBER, describeWithPeers, type Phone, startKamailio, stopPeers } from '../peers/peers.js';
import { type TestCaller, SipHarness } from './sip-harness.js';

const LOGIN = { username: 'alice', password: 's3cret' };
const ALIKE = 0.99;
const GREETING = speech(1.5, 1);
const ANSWER = speech(1.2, 2);
/** Both sides have finished their audio by then. */
const EVERYTHING_SECONDS = 3;
/** The person speaks after the answer. */
const PERSON = joined(silence(0.6), ANSWER);

afterAll(stopPeers);

describeWithPeers(['baresip', 'kamailio', 'openssl'], 'a live call', () => {
  let harness: SipHarness;
  let phone: Baresip;
  let carrier: Phone;

  beforeAll(async () => {
    phone = await Baresip.start('', PERSON);
    carrier = await startKamailio({ answers: phone.sipPort });
    harness = await SipHarness.start();
  });

  afterAll(() => harness.close());

  /** Compares the audio of the phone and the recording with the audio of both sides. */
  const expectSound = async (recording: string, from = phone): Promise<Awaited<ReturnType<Baresip['recording']>>> => {
    const theirs = await from.recording();
    const ours = await harness.play(recording);
    const found = [find(GREETING, theirs.heard), find(ANSWER, ours.customer), find(GREETING, ours.agent)];
    if (process.env['SHOW_SOUND']) process.stderr.write(`${JSON.stringify(found)}\n`);
    for (const { correlation } of found) expect(correlation).toBeGreaterThanOrEqual(ALIKE);
    return theirs;
  };

  const recorded = async (caller: TestCaller, id: string) => {
    await harness.until(caller, id, 'call.recorded');
    return harness.call(caller, id);
  };

  const typesOf = async (caller: TestCaller, id: string): Promise<string[]> =>
    (await harness.events(caller, id)).map(({ type }) => type);

  describe.each(['udp', 'tcp'] as const)('over %s, through a carrier with authentication', (transport) => {
    const caller = (listenSeconds: number): Promise<TestCaller> =>
      harness.caller({
        target: { ...carrier.target, transport },
        carrier: LOGIN,
        agent: { listenSeconds },
        greeting: GREETING,
      });

    it('has its audio, recording and events when the person hangs up', async () => {
      const from = await caller(60);
      const id = await harness.dial(from, BARESIP_NUMBER);
      await harness.until(from, id, 'call.answered_by');
      const { occurredAt: startedAt } = await harness.until(from, id, 'call.started');
      await phone.hasRecorded(EVERYTHING_SECONDS);
      await phone.command('hangup');
      const call = await recorded(from, id);
      const { heard } = await expectSound(call.recording);
      expect(call).toMatchObject({
        status: 'completed',
        disconnectionReason: 'user_hangup',
        outcome: { responsible: 'customer', sipCode: null, retryable: false },
        answeredBy: { by: 'human', reason: 'short_greeting' },
        startedAt,
      });
      expect(Math.abs(call.duration - heard.length / 8_000)).toBeLessThanOrEqual(1);
      expect(call.quality.packetsReceived).toBeGreaterThan(100);
      expect(call.quality.mos).toBeGreaterThan(3.5);
      expect(await typesOf(from, id)).toEqual([
        'call.queued',
        'call.screened',
        'call.dialing',
        'call.ringing',
        'call.started',
        'call.answered_by',
        'call.ended',
        'call.measured',
        'call.recorded',
      ]);
    });

    it('ends when the agent hangs up', async () => {
      const from = await caller(1);
      const id = await harness.dial(from, BARESIP_NUMBER);
      const call = await recorded(from, id);
      const { heard } = await expectSound(call.recording);
      expect(call).toMatchObject({
        status: 'completed',
        disconnectionReason: 'agent_hangup',
        outcome: { responsible: 'agent', sipCode: null, retryable: false },
        answeredBy: { by: 'human' },
      });
      expect(Math.abs(call.duration - heard.length / 8_000)).toBeLessThanOrEqual(1);
      const redirect = await harness.app.request('GET', `/v1/calls/${id}/recording`, { key: from.key });
      expect([redirect.status, redirect.headers.get('location')?.split('?')[0]]).toEqual([
        302,
        call.recording.split('?')[0],
      ]);
    });
  });

  describe('straight to a phone, over TLS', () => {
    const caller = (to: Baresip, carrier: object): Promise<TestCaller> =>
      harness.caller({ target: to.target('tls'), carrier, agent: { listenSeconds: 1 }, greeting: GREETING });

    it('accepts a self-signed certificate when the carrier allows it', async () => {
      const from = await caller(phone, { verifyTls: false });
      const call = await recorded(from, await harness.dial(from, BARESIP_NUMBER));
      await expectSound(call.recording);
      expect(call).toMatchObject({ status: 'completed', disconnectionReason: 'agent_hangup' });
    });

    it('refuses a self-signed certificate otherwise', async () => {
      const call = await harness.outcomeOf(await caller(phone, {}), BARESIP_NUMBER);
      expect(call).toMatchObject({
        status: 'failed',
        disconnectionReason: 'telephony_provider_unavailable',
        outcome: { responsible: 'carrier', retryable: true, sipCode: null },
        startedAt: null,
        recording: null,
      });
    });

    it('is encrypted when both sides support it', async () => {
      const secretive = await Baresip.start(';mediaenc=srtp-mand', PERSON);
      const from = await caller(secretive, { verifyTls: false, srtp: 'required' });
      const call = await recorded(from, await harness.dial(from, BARESIP_NUMBER));
      await expectSound(call.recording, secretive);
      expect(call).toMatchObject({ status: 'completed', disconnectionReason: 'agent_hangup' });
    });

    it('fails when SRTP is required and the phone has none', async () => {
      const call = await harness.outcomeOf(await caller(phone, { verifyTls: false, srtp: 'required' }), BARESIP_NUMBER);
      expect(call).toMatchObject({ status: 'failed', disconnectionReason: 'dial_failed', startedAt: null });
      expect(call.outcome).toMatchObject({ sipCode: 488, responsible: 'carrier' });
    });

    it('fails when the phone requires SRTP and the carrier disables it', async () => {
      const secretive = await Baresip.start(';mediaenc=srtp-mand', PERSON);
      const call = await harness.outcomeOf(await caller(secretive, { verifyTls: false }), BARESIP_NUMBER);
      expect(call).toMatchObject({ status: 'failed', disconnectionReason: 'dial_failed', startedAt: null });
    });
  });
});
