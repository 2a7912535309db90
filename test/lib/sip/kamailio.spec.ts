import { buildOffer } from '../../../src/lib/sip/sdp/sdp.js';
import { endOfFailed } from '../../../src/telephony/sip-trunk/sip-reasons.js';
import { SipUserAgent } from '../../../src/lib/sip/user-agent.js';
import { callRequest, CREDENTIALS, Listener, LOCAL, LOCAL_MEDIA, SDP_OPTIONS } from './calling.js';
import { Baresip, describeWithPeers, type Phone, startKamailio, startSipp, stopPeers } from '../../peers/peers.js';
import { UdpPhone } from './udp-phone.js';

const ANSWERS = '+15550001';
const SCRIPTED = '+15560001';

afterAll(stopPeers);

describeWithPeers(['kamailio', 'baresip', 'openssl'], 'calls through Kamailio', () => {
  let phone: Baresip;
  let agent: SipUserAgent;

  beforeAll(async () => {
    phone = await Baresip.start();
  });

  beforeEach(async () => {
    agent = await SipUserAgent.start({ address: LOCAL });
  });

  afterEach(() => agent.close());

  describe.each([
    ['MD5', 'udp'],
    ['MD5', 'tcp'],
    ['SHA-256', 'udp'],
  ] as const)('with %s over %s', (algorithm, transport) => {
    let carrier: Phone;

    beforeAll(async () => {
      carrier = await startKamailio({ answers: phone.sipPort, sha256: algorithm === 'SHA-256' });
    });

    const dial = (number: string, credentials = CREDENTIALS): Listener => {
      const target = { ...carrier.target, transport };
      return new Listener(agent.call(callRequest(target, { to: `sip:${number}@carrier.test`, credentials })));
    };

    it('asks for it', async () => {
      const stranger = await UdpPhone.start();
      const via = `Via: SIP/2.0/UDP 127.0.0.1:${String(stranger.target.port)};branch=z9hG4bKs;rport`;
      const parties = ['From: <sip:a@carrier.test>;tag=1', `To: <sip:${ANSWERS}@carrier.test>`, 'Max-Forwards: 9'];
      const names = ['Call-ID: stranger', 'CSeq: 1 INVITE', `Contact: ${stranger.contact}`];
      const { host, port = 0 } = carrier.target;
      const lines = [`INVITE sip:${ANSWERS}@carrier.test SIP/2.0`, via, ...parties, ...names];
      stranger.send(lines, '', { address: host, port });
      const { headers } = await stranger.response('INVITE');
      expect(headers.get('proxy-authenticate')?.includes('algorithm=SHA-256')).toBe(algorithm === 'SHA-256');
      stranger.close();
    });

    it('logs in, and hangs up along the recorded route', async () => {
      const call = dial(ANSWERS);
      await call.hears('answered');
      expect(call.call.dialogState()?.routeSet[0]).toContain('127.0.0.3');
      expect(await call.call.reinvite(buildOffer(LOCAL_MEDIA, { ...SDP_OPTIONS, version: 2 }))).toMatchObject({
        status: 200,
      });
      await call.call.hangup();
      await call.done;
      expect(call.last).toMatchObject({ type: 'ended', by: 'local' });
    });

    it('hears baresip hang up', async () => {
      const call = dial(ANSWERS);
      await call.hears('answered');
      await phone.command('hangup');
      expect(await call.hears('ended')).toMatchObject({ by: 'remote' });
    });

    it.each([
      ['+19005550001', 'telephony_provider_permission_denied', 403],
      ['+44123', 'invalid_destination', 404],
    ])('%s ends as %s', async (number, reason, sipCode) => {
      expect(endOfFailed(await dial(number).hears('failed'))).toMatchObject({ reason, sipCode });
    });

    it('refuses a wrong password, after one try', async () => {
      const failed = await dial(ANSWERS, { ...CREDENTIALS, password: 'wrong' }).hears('failed');
      expect(endOfFailed(failed)).toMatchObject({ reason: 'telephony_provider_permission_denied', sipCode: 407 });
    });
  });

  it('ends a call of another process along the recorded route', async () => {
    const carrier = await startKamailio({ answers: phone.sipPort });
    const request = callRequest(carrier.target, { to: `sip:${ANSWERS}@carrier.test`, credentials: CREDENTIALS });
    const call = new Listener(agent.call(request));
    await call.hears('answered');
    const state = JSON.parse(JSON.stringify(call.call.dialogState()));
    await agent.close();
    const other = await SipUserAgent.start({ address: LOCAL });
    expect(await other.byeFor(state, CREDENTIALS)).toBe(200);
    await other.close();
    await carrier.peer.stop();
  });

  it('answers a ping', async () => {
    const carrier = await startKamailio({});
    expect(await agent.optionsPing(carrier.target)).toMatchObject({ ok: true, status: 200 });
    await carrier.peer.stop();
    expect(await agent.optionsPing(carrier.target, 300)).toEqual({ ok: false, status: null, rttMs: null });
  });
});

describeWithPeers(['kamailio', 'sipp'], 'calls through Kamailio to SIPp', () => {
  it('are cancelled at the ring timeout', async () => {
    const phone = await startSipp('ringforever');
    const carrier = await startKamailio({ scripted: phone.target.port ?? 0 });
    const agent = await SipUserAgent.start({ address: LOCAL });
    const request = { to: `sip:${SCRIPTED}@carrier.test`, credentials: CREDENTIALS, ringTimeoutMs: 1_500 };
    const call = new Listener(agent.call(callRequest(carrier.target, request)));
    await call.done;
    expect(call.last).toMatchObject({ cause: 'ring-timeout', status: 487 });
    expect(await phone.peer.exited).toBe(0);
    await agent.close();
    await carrier.peer.stop();
  });
});
