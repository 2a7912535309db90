import { endOfEnded, endOfFailed } from '../../../src/telephony/sip-trunk/sip-reasons.js';
import { negotiate, answerOffer } from '../../../src/lib/sip/sdp/sdp.js';
import { SipUserAgent } from '../../../src/lib/sip/user-agent.js';
import { callRequest, CREDENTIALS, Listener, LOCAL, LOCAL_MEDIA, SDP_OPTIONS } from './calling.js';
import { describeWithPeers, type Phone, startSipp, stopPeers } from '../../peers/peers.js';

const PROBLEMS: unknown[] = [];
let agent: SipUserAgent;
let phone: Phone | undefined;

beforeEach(async () => {
  PROBLEMS.length = 0;
  agent = await SipUserAgent.start({ address: LOCAL, onProblem: (...problem) => PROBLEMS.push(problem) });
});

afterEach(async () => {
  await agent.close();
  await stopPeers();
});

describeWithPeers(['sipp'], 'calls to SIPp', () => {
  describe.each(['udp', 'tcp'] as const)('over %s', (transport) => {
    it.each([
      ['busy', 'dial_busy', 486],
      ['decline', 'user_declined', 603],
      ['notfound', 'invalid_destination', 404],
      ['unavail', 'dial_no_answer', 480],
      ['carrier503', 'capacity', 503],
      ['nomedia488', 'dial_failed', 488],
      ['redirect302', 'dial_failed', 302],
    ])('%s ends as %s', async (scenario, reason, sipCode) => {
      phone = await startSipp(scenario, transport);
      const call = new Listener(agent.call(callRequest(phone.target)));
      const failed = await call.hears('failed');
      await call.done;
      expect(endOfFailed(failed)).toMatchObject({ reason, sipCode });
      expect(failed.cause).toBe('response');
      // It has had the ACK.
      expect(await phone.peer.exited).toBe(0);
    });

    it('ringforever is cancelled at the ring timeout', async () => {
      phone = await startSipp('ringforever', transport);
      const call = new Listener(agent.call(callRequest(phone.target, { ringTimeoutMs: 1_000 })));
      await call.done;
      expect(call.types).toEqual(['trying', 'ringing', 'failed']);
      expect(call.last).toMatchObject({ cause: 'ring-timeout', status: 487 });
      expect(endOfFailed(await call.hears('failed'))).toMatchObject({ reason: 'dial_no_answer', by: 'system' });
      expect(await phone.peer.exited).toBe(0);
    });

    it('ringforever is cancelled when we want', async () => {
      phone = await startSipp('ringforever', transport);
      const call = new Listener(agent.call(callRequest(phone.target)));
      await call.hears('ringing');
      await call.call.hangup();
      await call.done;
      expect(call.last).toMatchObject({ type: 'failed', cause: 'cancelled' });
      expect(await phone.peer.exited).toBe(0);
    });

    it('late_answer is answered, and we hang up', async () => {
      phone = await startSipp('late_answer', transport);
      const call = new Listener(agent.call(callRequest(phone.target)));
      const { sdp } = await call.hears('answered');
      expect(negotiate(sdp, SDP_OPTIONS)).toMatchObject({ ok: true, media: { codec: 'PCMU', dtmfPayloadType: 101 } });
      await call.call.hangup();
      await call.done;
      expect(call.types).toEqual(['trying', 'ringing', 'answered', 'ended']);
      expect(call.last).toMatchObject({ by: 'local' });
      expect(await phone.peer.exited).toBe(0);
    });

    it('answer hangs up by itself', async () => {
      phone = await startSipp('answer', transport);
      const call = new Listener(agent.call(callRequest(phone.target)));
      const ended = await call.hears('ended');
      expect(endOfEnded(ended)).toMatchObject({ reason: 'user_hangup', by: 'customer' });
      expect(await phone.peer.exited).toBe(0);
    });

    it('auth gets a digest, and a BYE', async () => {
      phone = await startSipp('auth', transport);
      const call = new Listener(agent.call(callRequest(phone.target, { credentials: CREDENTIALS })));
      await call.hears('answered');
      await call.call.hangup();
      await call.done;
      expect(call.types).toEqual(['answered', 'ended']);
      expect(await phone.peer.exited).toBe(0);
    });

    it('auth without credentials is not permitted', async () => {
      phone = await startSipp('auth', transport);
      const call = new Listener(agent.call(callRequest(phone.target)));
      const failed = await call.hears('failed');
      expect(endOfFailed(failed)).toMatchObject({ reason: 'telephony_provider_permission_denied', sipCode: 401 });
    });

    it('hold offers again, asks with INFO, and hangs up', async () => {
      phone = await startSipp('hold', transport);
      const offers: (string | null)[] = [];
      const onOffer = (offer: string | null): string | null => {
        offers.push(offer);
        const answer = answerOffer(offer ?? '', LOCAL_MEDIA, { ...SDP_OPTIONS, version: 2 });
        return answer.ok ? answer.sdp : null;
      };
      const call = new Listener(agent.call(callRequest(phone.target, { onOffer })));
      await call.done;
      expect(call.types).toEqual(['answered', 'ended']);
      expect(offers).toEqual([expect.stringContaining('a=sendonly')]);
      expect(await phone.peer.exited).toBe(0);
    });
  });

  it('has nothing to complain of', async () => {
    phone = await startSipp('busy');
    await new Listener(agent.call(callRequest(phone.target))).done;
    expect(PROBLEMS).toEqual([]);
  });
});
