import { networkInterfaces } from 'node:os';
import { endOfFailed, isCapacity } from '../../../src/telephony/sip-trunk/sip-reasons.js';
import { SipUserAgent } from '../../../src/lib/sip/user-agent.js';
import { essentials } from '../../../src/lib/sip/message/sip-message.js';
import { eventually } from '../../support/process.js';
import { callRequest, CREDENTIALS, Listener, LOCAL } from './calling.js';
import { ANSWER, UdpPhone } from './udp-phone.js';

/** Fast enough for tests, slow enough for a busy machine. */
const TIMERS = { t1Ms: 40, t2Ms: 160, t4Ms: 200, failoverMs: 1_000, secondMs: 10 };

let agent: SipUserAgent;
let phone: UdpPhone;
let second: UdpPhone;

beforeEach(async () => {
  agent = await SipUserAgent.start({ address: LOCAL, timers: TIMERS });
  phone = await UdpPhone.start();
  second = await UdpPhone.start();
});

afterEach(async () => {
  await agent.close();
  phone.close();
  second.close();
});

const dial = (request: Parameters<typeof callRequest>[1] = {}): Listener =>
  new Listener(agent.call(callRequest(phone.target, request)));

describe('an INVITE', () => {
  it('says what it must, and what it was told to', async () => {
    dial({ headers: { 'P-Asserted-Identity': '<sip:+15550001@outdial.test>' }, callId: 'the-call' });
    const { headers, uri, body } = await phone.request('INVITE');
    expect(uri).toBe(`sip:callee@127.0.0.1:${String(phone.target.port)}`);
    expect(headers.get('max-forwards')).toBe('70');
    expect(headers.get('call-id')).toBe('the-call');
    expect(headers.get('from')).toMatch(/^"Ada \\"the\\" Agent" <sip:agent@outdial\.test>;tag=\w+$/);
    expect(headers.get('contact')).toBe(`<sip:agent@127.0.0.1:${agent.port}>`);
    expect(headers.get('p-asserted-identity')).toBe('<sip:+15550001@outdial.test>');
    expect(headers.get('via')).toMatch(/;rport/);
    expect(headers.all('supported')).toEqual(['timer', '100rel']);
    expect(body.toString()).toContain('m=audio');
  });

  it.each([
    [30_000, '30'],
    [2_500, '3'],
    [900, '1'],
  ])(
    'that may ring for %d ms expires after %s s, should nobody be left to cancel it',
    async (ringTimeoutMs, expires) => {
      dial({ ringTimeoutMs });
      expect((await phone.request('INVITE')).headers.get('expires')).toBe(expires);
    },
  );

  it.each([
    [{ headers: { Subject: 'a\r\nRoute: <sip:evil>' } }],
    [{ headers: { 'X-Bad\r\nVia': 'x' } }],
    [{ headers: { Via: 'SIP/2.0/UDP 1.2.3.4' } }],
    [{ headers: { Expires: '3600' } }],
    [{ to: 'sip:a@b\r\nX: y' }],
    [{ to: 'tel:+1555' }],
    [{ callId: 'a b' }],
    [{ from: { uri: 'sip:a@b', displayName: 'a\nb' } }],
    [{ credentials: { username: 'a\r\nb', password: 'x' } }],
  ])('cannot be made of %j', (request) => {
    expect(() => agent.call(callRequest(phone.target, request))).toThrow(TypeError);
    expect(agent.load.calls).toBe(0);
  });

  it('is repeated until somebody answers, and not after', async () => {
    const call = dial();
    for (let copy = 0; copy < 3; copy++) await phone.copy('INVITE');
    const invite = await phone.copy('INVITE');
    phone.respond(invite, 100);
    await call.hears('trying');
    const heard = phone.count('INVITE');
    phone.respond(invite, 486);
    await phone.request('ACK');
    expect(phone.count('INVITE')).toBe(heard);
    expect(endOfFailed(await call.hears('failed')).reason).toBe('dial_busy');
  });

  it('fails without any response', async () => {
    const failed = await dial().hears('failed');
    expect(failed).toMatchObject({ status: null, cause: 'no-response' });
    expect(endOfFailed(failed).reason).toBe('telephony_provider_unavailable');
  });

  it('acknowledges each copy of a refusal, with the same branch and Route', async () => {
    const call = dial();
    const invite = await phone.request('INVITE');
    phone.respond(invite, 486);
    phone.respond(invite, 486);
    const acks = [await phone.copy('ACK'), await phone.copy('ACK')];
    for (const ack of acks) expect(ack.headers.get('via')).toBe(invite.headers.get('via'));
    expect((await call.done).filter(({ type }) => type === 'failed')).toHaveLength(1);
  });

  it('tells early media and ringing once', async () => {
    const call = dial();
    const invite = await phone.request('INVITE');
    phone.respond(invite, 180);
    phone.respond(invite, 180);
    phone.respond(invite, 183, { sdp: ANSWER });
    phone.respond(invite, 183, { sdp: ANSWER });
    phone.respond(invite, 603, { phrase: 'Network Blocked' });
    await call.done;
    expect(call.types).toEqual(['trying', 'ringing', 'early', 'failed']);
    expect(endOfFailed(await call.hears('failed')).reason).toBe('carrier_blocked');
  });

  it('asks for longer sessions when the far end wants them', async () => {
    const call = dial();
    const invite = await phone.request('INVITE');
    expect(invite.headers.get('session-expires')).toBe('1800');
    phone.respond(invite, 422, { headers: ['Min-SE: 3600'] });
    const longer = await phone.request('INVITE');
    expect(longer.headers.get('session-expires')).toBe('3600');
    expect(longer.headers.get('min-se')).toBe('3600');
    phone.respond(longer, 200, { sdp: ANSWER });
    await call.hears('answered');
  });
});

describe('logging in', () => {
  const challenge = (nonce: string, more = ''): string => `Digest realm="test", nonce="${nonce}", qop="auth"${more}`;

  it('takes a stale nonce for no failure', async () => {
    const call = dial({ credentials: CREDENTIALS });
    phone.respond(await phone.request('INVITE'), 407, { headers: [`Proxy-Authenticate: ${challenge('one')}`] });
    const first = await phone.request('INVITE');
    expect(first.headers.get('proxy-authorization')).toContain('nonce="one"');
    phone.respond(first, 407, { headers: [`Proxy-Authenticate: ${challenge('two', ', stale=TRUE')}`] });
    const next = await phone.request('INVITE');
    expect(next.headers.get('proxy-authorization')).toContain('nonce="two"');
    phone.respond(next, 407, { headers: [`Proxy-Authenticate: ${challenge('three')}`] });
    expect(await call.hears('failed')).toMatchObject({ status: 407 });
  });

  it('keeps to its realm', async () => {
    const call = dial({ credentials: { ...CREDENTIALS, realm: 'other' } });
    phone.respond(await phone.request('INVITE'), 401, { headers: [`WWW-Authenticate: ${challenge('one')}`] });
    expect(await call.hears('failed')).toMatchObject({ status: 401 });
    expect(phone.count('INVITE')).toBe(1);
  });

  it('answers the strongest challenge, and again for BYE and re-INVITE', async () => {
    const call = dial({ credentials: CREDENTIALS });
    const weak = `WWW-Authenticate: ${challenge('weak')}`;
    const strong = `WWW-Authenticate: ${challenge('strong', ', algorithm=SHA-256')}`;
    phone.respond(await phone.request('INVITE'), 401, { headers: [weak, strong] });
    const invite = await phone.request('INVITE');
    expect(invite.headers.get('authorization')).toMatch(/nonce="strong".*algorithm=SHA-256.*nc=00000001/);
    phone.respond(invite, 200, { sdp: ANSWER });
    expect((await phone.request('ACK')).headers.get('authorization')).toBe(invite.headers.get('authorization'));
    await call.hears('answered');
    const reinvite = call.call.reinvite('v=0');
    const again = await phone.request('INVITE');
    expect(again.headers.get('authorization')).toMatch(/nc=00000002/);
    phone.respond(again, 401, { headers: [`WWW-Authenticate: ${challenge('later')}`] });
    phone.respond(await phone.request('INVITE'), 200, { sdp: ANSWER });
    expect(await reinvite).toEqual({ status: 200, sdp: ANSWER });
    const hangup = call.call.hangup();
    phone.respond(await phone.request('BYE'), 401, { headers: [`WWW-Authenticate: ${challenge('last')}`] });
    const bye = await phone.request('BYE');
    expect(bye.headers.get('authorization')).toContain('nonce="last"');
    phone.respond(bye, 200);
    await hangup;
  });
});

describe('giving up', () => {
  it('waits for a provisional response before CANCEL', async () => {
    const call = dial();
    const invite = await phone.request('INVITE');
    call.call.cancel();
    expect(phone.count('CANCEL')).toBe(0);
    phone.respond(invite, 180);
    const cancel = await phone.request('CANCEL');
    expect(cancel.headers.get('via')).toBe(invite.headers.get('via'));
    expect(essentials(cancel)?.cseq).toEqual({ number: 1, method: 'CANCEL' });
    phone.respond(cancel, 200);
    phone.respond(invite, 487);
    await phone.request('ACK');
    expect(await call.hears('failed')).toMatchObject({ cause: 'cancelled', status: 487 });
  });

  it('does not repeat what nobody has heard and nobody wants', async () => {
    const call = dial();
    await phone.request('INVITE');
    call.call.cancel();
    const sent = phone.count('INVITE');
    expect(await call.hears('failed')).toMatchObject({ cause: 'cancelled', status: null });
    // One may have been on its way; five more would have followed until then.
    expect(phone.count('INVITE')).toBeLessThanOrEqual(sent + 1);
    expect(phone.count('CANCEL')).toBe(0);
  });

  it('acknowledges and ends a call whose answer crosses the CANCEL', async () => {
    const call = dial();
    const invite = await phone.request('INVITE');
    phone.respond(invite, 180);
    await call.hears('ringing');
    const hangup = call.call.hangup();
    const cancel = await phone.request('CANCEL');
    phone.respond(invite, 200, { sdp: ANSWER });
    phone.respond(cancel, 200);
    await phone.request('ACK');
    phone.respond(await phone.request('BYE'), 200);
    await hangup;
    await call.done;
    expect(call.types).toEqual(['trying', 'ringing', 'failed']);
    expect(call.last).toMatchObject({ cause: 'cancelled' });
  });

  it('does not take the silence of a carrier for that of a phone', async () => {
    const call = dial({ ringTimeoutMs: 150 });
    const invite = await phone.request('INVITE');
    const failed = await call.hears('failed');
    expect(failed).toMatchObject({ cause: 'no-response', status: null });
    expect(endOfFailed(failed).reason).toBe('telephony_provider_unavailable');
    phone.respond(invite, 180);
    phone.respond(await phone.request('CANCEL'), 200);
  });

  it('keeps the refusal that crosses the CANCEL', async () => {
    const call = dial({ ringTimeoutMs: 1_000 });
    const invite = await phone.request('INVITE');
    phone.respond(invite, 180);
    phone.respond(await phone.request('CANCEL'), 481);
    phone.respond(invite, 486);
    expect(await call.hears('failed')).toMatchObject({ cause: 'response', status: 486 });
  });

  it('ends though the far end never confirms the CANCEL', async () => {
    const call = dial();
    phone.respond(await phone.request('INVITE'), 180);
    await call.hears('ringing');
    call.call.cancel();
    expect(await call.hears('failed')).toMatchObject({ cause: 'cancelled', status: null });
  });

  it('says nothing to the far end when the agent closes', async () => {
    const call = dial();
    phone.respond(await phone.request('INVITE'), 180);
    await call.hears('ringing');
    await agent.close();
    await call.done;
    expect(call.types).toEqual(['trying', 'ringing']);
    expect(phone.count('CANCEL')).toBe(0);
    expect(agent.load).toEqual({ calls: 0, transactions: 0 });
  });
});

describe('forks', () => {
  it('acknowledges and ends the second phone that answers', async () => {
    const call = dial();
    const invite = await phone.request('INVITE');
    phone.respond(invite, 180, { tag: 'a' });
    phone.respond(invite, 180, { tag: 'b' });
    phone.respond(invite, 200, { tag: 'a', sdp: ANSWER });
    expect((await phone.request('ACK')).headers.get('to')).toContain('tag=a');
    phone.respond(invite, 200, { tag: 'b', sdp: ANSWER });
    expect((await phone.request('ACK')).headers.get('to')).toContain('tag=b');
    const bye = await phone.request('BYE');
    expect(bye.headers.get('to')).toContain('tag=b');
    phone.respond(bye, 200);
    expect(call.types).toEqual(['trying', 'ringing', 'answered']);
    expect(call.call.dialogState()?.remoteTag).toBe('a');
  });

  it('acknowledges every copy of the answer, with a branch of its own', async () => {
    const call = dial();
    const invite = await phone.request('INVITE');
    phone.respond(invite, 200, { sdp: ANSWER });
    const ack = await phone.request('ACK');
    phone.respond(invite, 200, { sdp: ANSWER });
    const copy = await phone.copy('ACK');
    expect(copy.headers.get('via')).toBe(ack.headers.get('via'));
    expect(essentials(ack)?.branch).not.toBe(essentials(invite)?.branch);
    expect(call.types).toEqual(['answered']);
  });

  it('takes the answer of a reliable provisional response', async () => {
    const call = dial();
    const invite = await phone.request('INVITE');
    phone.respond(invite, 183, { sdp: ANSWER, headers: ['Require: 100rel', 'RSeq: 77'] });
    phone.respond(invite, 183, { sdp: ANSWER, headers: ['Require: 100rel', 'RSeq: 77'] });
    const prack = await phone.request('PRACK');
    expect(prack.headers.get('rack')).toBe('77 1 INVITE');
    phone.respond(prack, 200);
    phone.respond(invite, 200);
    await phone.request('ACK');
    expect(await call.hears('answered')).toMatchObject({ sdp: ANSWER });
    const hangup = call.call.hangup();
    const bye = await phone.request('BYE');
    expect(essentials(bye)?.cseq.number).toBe(3);
    phone.respond(bye, 200);
    await hangup;
    expect(phone.received.filter((one) => one.kind === 'request' && one.method === 'PRACK').length).toBe(1);
  });
});

describe('failover', () => {
  const dialBoth = (): Listener =>
    new Listener(agent.call({ ...callRequest([phone.target, second.target]), isFinal: isCapacity }));

  it('goes on when a target stays silent, and ends what it says after all', async () => {
    const call = dialBoth();
    const late = await phone.request('INVITE');
    const invite = await second.request('INVITE');
    second.respond(invite, 200, { sdp: ANSWER });
    await call.hears('answered');
    phone.respond(late, 180);
    expect(essentials(await phone.request('CANCEL'))?.cseq.number).toBe(1);
    phone.respond(late, 200, { sdp: ANSWER });
    await phone.request('ACK');
    phone.respond(await phone.request('BYE'), 200);
    expect(call.types).toEqual(['answered']);
  });

  it('goes on after 503', async () => {
    const call = dialBoth();
    phone.respond(await phone.request('INVITE'), 503, { phrase: 'Service Unavailable' });
    second.respond(await second.request('INVITE'), 486);
    expect(endOfFailed(await call.hears('failed')).reason).toBe('dial_busy');
  });

  it.each([
    ['a phone rang', 180, []],
    ['it is about capacity', 100, ['Retry-After: 3']],
  ])('does not go on when %s', async (_, provisional, headers) => {
    const call = dialBoth();
    const invite = await phone.request('INVITE');
    phone.respond(invite, provisional);
    phone.respond(invite, 503, { headers });
    await call.done;
    expect(call.last).toMatchObject({ type: 'failed', status: 503 });
    expect(second.count('INVITE')).toBe(0);
  });

  it('goes on when nobody listens', async () => {
    const dead = { ...phone.target, transport: 'tcp' as const };
    const call = new Listener(agent.call(callRequest([dead, second.target])));
    second.respond(await second.request('INVITE'), 200, { sdp: ANSWER });
    await call.hears('answered');
  });

  it('goes through what DNS says', async () => {
    const [first, then] = [phone.target.port ?? 0, second.target.port ?? 0];
    const resolver = {
      srv: (name: string) =>
        Promise.resolve(
          name === '_sip._udp.carrier.test'
            ? [
                { name: 'b.carrier.test', port: then, priority: 20, weight: 0 },
                { name: 'a.carrier.test', port: first, priority: 10, weight: 0 },
              ]
            : [],
        ),
      addresses: () => Promise.resolve([LOCAL, '::1']),
    };
    const other = await SipUserAgent.start({ address: LOCAL, timers: TIMERS, resolver });
    const target = { host: 'carrier.test', port: undefined, transport: 'udp' as const };
    const call = new Listener(other.call(callRequest(target)));
    phone.respond(await phone.request('INVITE'), 503);
    second.respond(await second.request('INVITE'), 404);
    expect(await call.hears('failed')).toMatchObject({ status: 404 });
    await other.close();
  });
});

it('forgets all of it', async () => {
  const call = dial();
  const invite = await phone.request('INVITE');
  phone.respond(invite, 200, { sdp: ANSWER });
  await call.hears('answered');
  const hangup = call.call.hangup();
  phone.respond(await phone.request('BYE'), 200);
  await hangup;
  await eventually('no transactions', () => Promise.resolve(agent.load.transactions === 0 || undefined));
  expect(agent.load).toEqual({ calls: 0, transactions: 0 });
});

/** Some containers have none. */
const hasIPv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
if (!hasIPv6) process.stderr.write('\nSKIPPED: SIP over IPv6: this machine has none\n');

(hasIPv6 ? it : it.skip)('calls over IPv6', async () => {
  const phone6 = await UdpPhone.start('::1');
  const agent6 = await SipUserAgent.start({ address: '::1' });
  const to = `sip:callee@[::1]:${String(phone6.target.port)}`;
  const call = new Listener(agent6.call(callRequest(phone6.target, { to })));
  const invite = await phone6.request('INVITE');
  expect(invite.headers.get('via')).toContain(`[::1]:${agent6.port}`);
  phone6.respond(invite, 200, { sdp: ANSWER });
  await call.hears('answered');
  const hangup = call.call.hangup();
  phone6.respond(await phone6.request('BYE'), 200);
  await hangup;
  await agent6.close();
  phone6.close();
});

it('says its public address', async () => {
  const behind = await SipUserAgent.start({ address: LOCAL, publicAddress: '192.0.2.9' });
  behind.call(callRequest(phone.target));
  const { headers } = await phone.request('INVITE');
  expect(headers.get('contact')).toBe(`<sip:agent@192.0.2.9:${behind.port}>`);
  expect(headers.get('via')).toContain(`192.0.2.9:${behind.port}`);
  await behind.close();
  await expect(SipUserAgent.start({ address: '0.0.0.0' })).rejects.toThrow('public address');
});
