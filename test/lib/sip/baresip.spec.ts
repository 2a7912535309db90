import { answerOffer, buildOffer, negotiate, newSrtpKey, type SdpOptions } from '../../../src/lib/sip/sdp/sdp.js';
import { SipUserAgent } from '../../../src/lib/sip/user-agent.js';
import { callRequest, Listener, LOCAL, LOCAL_MEDIA, SDP_OPTIONS } from './calling.js';
import { Baresip, describeWithPeers, stopPeers } from '../../peers/peers.js';

const SRTP: SdpOptions = { ...SDP_OPTIONS, srtpKeys: [newSrtpKey('AES_CM_128_HMAC_SHA1_80')] };

afterAll(stopPeers);

describeWithPeers(['baresip', 'openssl'], 'calls to baresip', () => {
  let phone: Baresip;
  let agent: SipUserAgent;

  beforeAll(async () => {
    phone = await Baresip.start();
  });

  beforeEach(async () => {
    agent = await SipUserAgent.start({ address: LOCAL, tls: { ca: phone.certificate } });
  });

  afterEach(() => agent.close());

  describe.each(['udp', 'tcp', 'tls'] as const)('over %s', (transport) => {
    it('is answered, and we hang up', async () => {
      const call = new Listener(agent.call(callRequest(phone.target(transport))));
      const { sdp } = await call.hears('answered');
      expect(negotiate(sdp, SDP_OPTIONS)).toMatchObject({ ok: true, media: { sends: true, receives: true } });
      await call.call.hangup();
      await call.done;
      expect(call.last).toMatchObject({ type: 'ended', by: 'local' });
    });

    it('is answered, and baresip hangs up', async () => {
      const call = new Listener(agent.call(callRequest(phone.target(transport))));
      await call.hears('answered');
      await phone.command('hangup');
      expect(await call.hears('ended')).toMatchObject({ by: 'remote' });
      await call.done;
    });
  });

  it('takes our hold and resume', async () => {
    const call = new Listener(agent.call(callRequest(phone.target('udp'))));
    await call.hears('answered');
    const held = { ...SDP_OPTIONS, version: 2, direction: 'sendonly' } as const;
    const hold = await call.call.reinvite(buildOffer(LOCAL_MEDIA, held));
    expect(hold.status).toBe(200);
    expect(negotiate(hold.sdp ?? '', held)).toMatchObject({ ok: true, media: { sends: true, receives: false } });
    const resume = await call.call.reinvite(buildOffer(LOCAL_MEDIA, { ...SDP_OPTIONS, version: 3 }));
    expect(negotiate(resume.sdp ?? '', SDP_OPTIONS)).toMatchObject({
      ok: true,
      media: { sends: true, receives: true },
    });
    await call.call.hangup();
    expect((await call.done).map(({ type }) => type)).toContain('ended');
  });

  it('puts us on hold', async () => {
    const offers: string[] = [];
    const onOffer = (offer: string | null): string | null => {
      offers.push(offer ?? '');
      const answer = answerOffer(offer ?? '', LOCAL_MEDIA, { ...SDP_OPTIONS, version: 2 });
      return answer.ok ? answer.sdp : null;
    };
    const call = new Listener(agent.call(callRequest(phone.target('udp'), { onOffer })));
    await call.hears('answered');
    await phone.command('hold');
    await phone.command('hangup');
    await call.hears('ended');
    expect(offers[0]).toContain('a=sendonly');
  });

  it('ends calls of another process', async () => {
    const call = new Listener(agent.call(callRequest(phone.target('tcp'))));
    await call.hears('answered');
    const state = JSON.parse(JSON.stringify(call.call.dialogState()));
    await agent.close();
    const other = await SipUserAgent.start({ address: LOCAL });
    expect(await other.byeFor(state)).toBe(200);
    expect(await other.byeFor(state)).toBe(481);
    await other.close();
  });

  it('does not talk to a certificate that it cannot trust', async () => {
    const careful = await SipUserAgent.start({ address: LOCAL });
    const call = new Listener(careful.call(callRequest(phone.target('tls'))));
    expect(await call.hears('failed')).toMatchObject({ cause: 'transport', status: null });
    await careful.close();
  });

  it('answers a ping', async () => {
    // It knows nobody without a name; but it is there.
    expect(await agent.optionsPing(phone.target('udp'))).toMatchObject({ ok: true, status: 404 });
    expect(await agent.optionsPing(phone.target('tls'))).toMatchObject({ ok: true, status: 404 });
  });
});

describeWithPeers(['baresip', 'openssl'], 'calls to baresip with SRTP', () => {
  it('agree on keys', async () => {
    const phone = await Baresip.start(';mediaenc=srtp-mand');
    const agent = await SipUserAgent.start({ address: LOCAL, tls: { ca: phone.certificate } });
    const sdp = buildOffer(LOCAL_MEDIA, SRTP);
    const call = new Listener(agent.call(callRequest(phone.target('tls'), { sdp })));
    const answer = await call.hears('answered');
    expect(negotiate(answer.sdp, SRTP)).toMatchObject({ ok: true, media: { srtp: { ours: SRTP.srtpKeys?.[0] } } });
    await call.call.hangup();
    await agent.close();
    await phone.peer.stop();
  });
});
