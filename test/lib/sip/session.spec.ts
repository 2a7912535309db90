import { endOfEnded } from '../../../src/telephony/sip-trunk/sip-reasons.js';
import { SipUserAgent } from '../../../src/lib/sip/user-agent.js';
import { essentials, type SipRequest } from '../../../src/lib/sip/message/sip-message.js';
import { callRequest, Listener, LOCAL } from './calling.js';
import { ANSWER, type Reply, UdpPhone } from './udp-phone.js';

/** A second of a session lasts 10 ms: 200 of them 2 s, refreshed after 1 s, given up after 1.7 s. */
const TIMERS = { t1Ms: 40, t2Ms: 160, t4Ms: 200, secondMs: 10 };
const HELD = `${ANSWER}a=sendonly\r\n`;

let agent: SipUserAgent;
let phone: UdpPhone;

beforeEach(async () => {
  agent = await SipUserAgent.start({ address: LOCAL, timers: TIMERS });
  phone = await UdpPhone.start();
});

afterEach(async () => {
  await agent.close();
  phone.close();
});

/** A call that was answered. */
async function answered(
  reply: Reply = {},
  request: Parameters<typeof callRequest>[1] = {},
): Promise<{ call: Listener; invite: SipRequest }> {
  const call = new Listener(agent.call(callRequest(phone.target, request)));
  const invite = await phone.request('INVITE');
  phone.respond(invite, 200, { sdp: ANSWER, ...reply });
  await phone.request('ACK');
  await call.hears('answered');
  return { call, invite };
}

describe('what the far end asks', () => {
  it.each([
    ['INFO', 200],
    ['NOTIFY', 200],
    ['OPTIONS', 200],
    ['REFER', 603],
    ['PUBLISH', 405],
  ])('%s is answered %d', async (method, status) => {
    const { invite } = await answered();
    phone.ask(invite, method, 1);
    expect(await phone.status(method)).toBe(status);
  });

  it('is refused out of order, and answered again when it is a copy', async () => {
    const { invite } = await answered();
    phone.ask(invite, 'INFO', 5, { branch: 'z9hG4bKsame' });
    phone.ask(invite, 'INFO', 5, { branch: 'z9hG4bKsame' });
    expect([await phone.status('INFO'), await phone.status('INFO')]).toEqual([200, 200]);
    phone.ask(invite, 'INFO', 4);
    expect(await phone.status('INFO')).toBe(500);
  });

  it('is refused when it requires what we do not know', async () => {
    const { invite } = await answered();
    phone.ask(invite, 'INVITE', 1, { headers: ['Require: timer, recorder'], sdp: ANSWER });
    const response = await phone.response('INVITE');
    expect([response.status, response.headers.get('unsupported')]).toEqual([420, 'recorder']);
  });

  it('is unknown in another dialog', async () => {
    const { call, invite } = await answered();
    phone.ask(invite, 'BYE', 1, { tag: 'stranger' });
    expect(await phone.status('BYE')).toBe(481);
    expect(call.types).toEqual(['answered']);
  });

  it('hangs up, for a reason', async () => {
    const { call, invite } = await answered();
    phone.ask(invite, 'BYE', 1, { headers: ['Reason: Q.850;cause=16;text="Normal, as ever", SIP;cause=200'] });
    expect(await phone.status('BYE')).toBe(200);
    const ended = await call.hears('ended');
    expect(ended.reasonHeaders).toEqual(['Q.850;cause=16;text="Normal, as ever"', 'SIP;cause=200']);
    expect(endOfEnded(ended)).toMatchObject({ reason: 'user_hangup', detail: 'Normal, as ever: SIP 200' });
    await call.call.hangup();
    expect(phone.count('BYE')).toBe(0);
    phone.ask(invite, 'BYE', 2);
    expect(await phone.status('BYE')).toBe(481);
  });
});

describe('offers of the far end', () => {
  it('are answered, repeated until the ACK', async () => {
    const { invite } = await answered({}, { onOffer: () => Promise.resolve('v=answer') });
    phone.ask(invite, 'INVITE', 1, { sdp: HELD });
    const first = await phone.response('INVITE');
    const copy = await phone.response('INVITE');
    expect([first.status, first.body.toString(), copy.status]).toEqual([200, 'v=answer', 200]);
    phone.ask(invite, 'ACK', 1);
    phone.ask(invite, 'INFO', 2);
    expect(await phone.status('INFO')).toBe(200);
  });

  it('are refused with 488', async () => {
    const { invite } = await answered();
    phone.ask(invite, 'INVITE', 1, { sdp: HELD, branch: 'z9hG4bKrefused' });
    expect(await phone.status('INVITE')).toBe(488);
    phone.ask(invite, 'ACK', 1, { branch: 'z9hG4bKrefused' });
    phone.ask(invite, 'UPDATE', 2, { sdp: HELD });
    expect(await phone.status('UPDATE')).toBe(488);
  });

  it('end the call when the answer is never acknowledged', async () => {
    const { call, invite } = await answered({}, { onOffer: () => 'v=answer' });
    phone.ask(invite, 'INVITE', 1, { sdp: HELD });
    phone.respond(await phone.request('BYE'), 200);
    expect(await call.hears('ended')).toMatchObject({ by: 'lost' });
  });

  it('are told to wait while we think', async () => {
    const think: { answer?: (sdp: string) => void } = {};
    const onOffer = (): Promise<string> => new Promise((resolve) => (think.answer = resolve));
    const { invite } = await answered({}, { onOffer });
    phone.ask(invite, 'INVITE', 1, { sdp: HELD });
    expect(await phone.status('INVITE')).toBe(100);
    think.answer?.('v=answer');
    expect(await phone.status('INVITE')).toBe(200);
  });

  it('are refused with 488 when we fail', async () => {
    const { invite } = await answered({}, { onOffer: () => Promise.reject(new Error('no media')) });
    phone.ask(invite, 'UPDATE', 1, { sdp: HELD });
    expect(await phone.status('UPDATE')).toBe(488);
  });

  it('may be asked of us, and the answer comes with the ACK', async () => {
    const answers: string[] = [];
    const onAnswer = (sdp: string): void => void answers.push(sdp);
    const { invite } = await answered({}, { onOffer: (sdp) => (sdp === null ? 'v=offer' : null), onAnswer });
    phone.ask(invite, 'INVITE', 1);
    expect((await phone.response('INVITE')).body.toString()).toBe('v=offer');
    phone.ask(invite, 'ACK', 1, { sdp: ANSWER });
    phone.ask(invite, 'INFO', 2);
    await phone.status('INFO');
    expect(answers).toEqual([ANSWER]);
  });

  it('may be taken back while we think', async () => {
    const { invite } = await answered({}, { onOffer: () => new Promise(() => undefined) });
    phone.ask(invite, 'INVITE', 1, { sdp: HELD, branch: 'z9hG4bKback' });
    phone.ask(invite, 'UPDATE', 2, { sdp: HELD });
    expect(await phone.status('UPDATE')).toBe(500);
    phone.ask(invite, 'CANCEL', 1, { branch: 'z9hG4bKback' });
    expect(await phone.status('CANCEL')).toBe(200);
    const invites = phone.received.filter((one) => one.kind === 'response' && one.status === 487);
    expect(invites).toHaveLength(1);
  });

  it('glare with ours', async () => {
    const { call, invite } = await answered({}, { onOffer: () => 'v=answer' });
    const ours = call.call.reinvite('v=ours');
    const reinvite = await phone.request('INVITE');
    phone.ask(invite, 'INVITE', 1, { sdp: HELD, branch: 'z9hG4bKglare' });
    expect(await phone.status('INVITE')).toBe(491);
    phone.ask(invite, 'ACK', 1, { branch: 'z9hG4bKglare' });
    expect(await call.call.reinvite('v=more')).toEqual({ status: 491, sdp: null });
    phone.respond(reinvite, 491);
    phone.respond(await phone.request('INVITE'), 200, { sdp: ANSWER });
    expect(await ours).toEqual({ status: 200, sdp: ANSWER });
  });

  it('may come before the answer, by UPDATE', async () => {
    const call = new Listener(agent.call(callRequest(phone.target, { onOffer: () => 'v=answer' })));
    const invite = await phone.request('INVITE');
    phone.respond(invite, 183, { sdp: ANSWER });
    await call.hears('early');
    phone.ask(invite, 'UPDATE', 1, { sdp: HELD });
    expect((await phone.response('UPDATE')).body.toString()).toBe('v=answer');
  });
});

describe('our offers', () => {
  it('go to where the far end moved', async () => {
    const { call, invite } = await answered();
    phone.ask(invite, 'UPDATE', 1);
    expect(await phone.status('UPDATE')).toBe(200);
    const reinvite = call.call.reinvite('v=ours');
    const request = await phone.request('INVITE');
    expect(request.uri).toBe(phone.contact.slice(1, -1));
    phone.respond(request, 200, { sdp: ANSWER });
    await phone.request('ACK');
    expect(await reinvite).toEqual({ status: 200, sdp: ANSWER });
  });

  it('show that the far end has lost the call', async () => {
    const { call } = await answered();
    const reinvite = call.call.reinvite('v=ours');
    phone.respond(await phone.request('INVITE'), 481);
    expect(await reinvite).toEqual({ status: 481, sdp: null });
    const ended = await call.hears('ended');
    expect(endOfEnded(ended)).toMatchObject({ reason: 'error_media_lost', by: 'carrier' });
  });

  it('follow the recorded route', async () => {
    const { port } = phone.target;
    const proxy = `<sip:127.0.0.1:${String(port)};lr>`;
    const headers = ['Record-Route: <sip:far.test;lr>', `Record-Route: ${proxy}`];
    const { call } = await answered({ headers });
    const hangup = call.call.hangup();
    const bye = await phone.request('BYE');
    expect(bye.headers.all('route')).toEqual([proxy, '<sip:far.test;lr>']);
    phone.respond(bye, 200);
    await hangup;
  });
});

describe('session timers', () => {
  it('are refreshed by us with UPDATE, over and over', async () => {
    const { call } = await answered({ headers: ['Session-Expires: 200;refresher=uac', 'Allow: INVITE, UPDATE'] });
    for (let round = 0; round < 2; round++) {
      const update = await phone.request('UPDATE');
      expect(update.headers.get('session-expires')).toBe('200;refresher=uac');
      phone.respond(update, 200, { headers: ['Session-Expires: 200;refresher=uac'] });
    }
    expect(call.types).toEqual(['answered']);
  });

  it('are refreshed with re-INVITE where UPDATE is not known', async () => {
    await answered({ headers: ['Session-Expires: 200;refresher=uac'] });
    phone.respond(await phone.request('UPDATE'), 405);
    const reinvite = await phone.request('INVITE');
    expect(reinvite.body.toString()).toContain('m=audio 40000');
    phone.respond(reinvite, 200, { sdp: ANSWER, headers: ['Session-Expires: 200;refresher=uac'] });
    await phone.request('ACK');
    expect(essentials(await phone.request('INVITE'))?.cseq.method).toBe('INVITE');
  });

  it('take 422 for an answer', async () => {
    await answered({ headers: ['Session-Expires: 200;refresher=uac'] });
    phone.respond(await phone.request('UPDATE'), 422, { headers: ['Min-SE: 300'] });
    const update = await phone.request('UPDATE');
    expect(update.headers.get('session-expires')).toBe('300;refresher=uac');
    expect(update.headers.get('min-se')).toBe('300');
  });

  it('end the call when the far end does not refresh', async () => {
    const { call } = await answered({ headers: ['Session-Expires: 90;refresher=uas'] });
    const bye = await phone.request('BYE');
    expect(bye.headers.get('reason')).toContain('cause=408');
    phone.respond(bye, 200);
    expect(await call.hears('ended')).toMatchObject({ by: 'lost' });
    expect(phone.count('UPDATE')).toBe(0);
  });

  it('are refreshed by the far end', async () => {
    const { call, invite } = await answered({ headers: ['Session-Expires: 900;refresher=uas'] });
    phone.ask(invite, 'UPDATE', 1, { headers: ['Session-Expires: 400;refresher=uac', 'Supported: timer'] });
    const response = await phone.response('UPDATE');
    expect(response.headers.get('session-expires')).toBe('400;refresher=uac');
    expect(response.headers.all('require')).toEqual(['timer']);
    phone.ask(invite, 'UPDATE', 2, { headers: ['Session-Expires: 20;refresher=uac'] });
    const short = await phone.response('UPDATE');
    expect([short.status, short.headers.get('min-se')]).toEqual([422, '90']);
    expect(call.types).toEqual(['answered']);
  });

  it('find out that the far end is gone', async () => {
    const { call } = await answered({ headers: ['Session-Expires: 200;refresher=uac'] });
    phone.respond(await phone.request('UPDATE'), 481);
    expect(await call.hears('ended')).toMatchObject({ by: 'lost' });
  });
});

describe('a transfer', () => {
  const notify = (status: string, state = 'active'): Reply => ({
    headers: ['Event: refer', `Subscription-State: ${state}`, 'X: y'],
    sdp: `SIP/2.0 ${status}\r\n`,
  });

  it('is accepted when the far end says so', async () => {
    const { call, invite } = await answered();
    const referred = call.call.refer('sip:+15550009@carrier.test');
    const refer = await phone.request('REFER');
    expect(refer.headers.get('refer-to')).toBe('<sip:+15550009@carrier.test>');
    phone.respond(refer, 202);
    phone.ask(invite, 'NOTIFY', 1, notify('100 Trying'));
    phone.ask(invite, 'NOTIFY', 2, notify('200 OK'));
    expect(await referred).toEqual({ accepted: true, status: 200 });
    phone.ask(invite, 'BYE', 3);
    expect(await call.hears('ended')).toMatchObject({ by: 'remote', referred: true });
  });

  it.each([
    ['is refused', 603, undefined, { accepted: false, status: 603 }],
    ['fails later', 202, '486 Busy', { accepted: false, status: 486 }],
  ])('%s', async (_, status, later, result) => {
    const { call, invite } = await answered();
    const referred = call.call.refer('sip:+15550009@carrier.test');
    phone.respond(await phone.request('REFER'), status);
    if (later !== undefined) phone.ask(invite, 'NOTIFY', 1, notify(later));
    expect(await referred).toEqual(result);
  });

  it('counts as accepted when the far end takes it and hangs up', async () => {
    const { call, invite } = await answered();
    const referred = call.call.refer('sip:+15550009@carrier.test');
    phone.respond(await phone.request('REFER'), 202);
    phone.ask(invite, 'NOTIFY', 1, notify('100 Trying'));
    phone.ask(invite, 'BYE', 2);
    expect(await referred).toEqual({ accepted: true, status: 202 });
  });

  it('was not one when the far end takes it, says nothing and stays', async () => {
    const { call } = await answered();
    const referred = call.call.refer('sip:+15550009@carrier.test', 50);
    phone.respond(await phone.request('REFER'), 202);
    expect(await referred).toEqual({ accepted: false, status: 408 });
    expect(call.types).toEqual(['answered']);
  });

  it.each([
    ['was not one when the far end will not tell how it went, and stays', false, { accepted: false, status: 408 }],
    ['counts as accepted when it will not tell, and hangs up', true, { accepted: true, status: 202 }],
  ])('%s', async (_, leaves, result) => {
    const { call, invite } = await answered();
    const referred = call.call.refer('sip:+15550009@carrier.test', 60_000);
    phone.respond(await phone.request('REFER'), 202);
    phone.ask(invite, 'NOTIFY', 1, notify('100 Trying', 'terminated;reason=noresource'));
    if (leaves) phone.ask(invite, 'BYE', 2);
    expect(await referred).toEqual(result);
  });

  it('goes nowhere that is no URI', async () => {
    const { call } = await answered();
    await expect(call.call.refer('sip:a>\r\nX: y')).rejects.toThrow(TypeError);
  });
});

describe('hanging up', () => {
  it('is said once, until the far end has heard', async () => {
    const { call } = await answered();
    const hangups = Promise.all([call.call.hangup(), call.call.hangup()]);
    await phone.copy('BYE');
    const bye = await phone.copy('BYE');
    phone.respond(bye, 200);
    await hangups;
    await call.call.hangup();
    await call.done;
    expect(call.types).toEqual(['answered', 'ended']);
    const branches = phone.received.filter((one) => one.kind === 'request' && one.method === 'BYE');
    expect(new Set(branches.map((one) => one.headers.get('via'))).size).toBe(1);
  });

  it('comes to an end though the far end is gone', async () => {
    const { call } = await answered();
    await call.call.hangup();
    expect(call.last).toMatchObject({ type: 'ended', by: 'local' });
    expect(await call.call.reinvite('v=late')).toEqual({ status: 481, sdp: null });
    expect(await call.call.refer('sip:a@b')).toEqual({ accepted: false, status: 481 });
  });

  it('crosses with the far end', async () => {
    const { call, invite } = await answered();
    const hangup = call.call.hangup();
    const bye = await phone.request('BYE');
    phone.ask(invite, 'BYE', 1);
    expect(await phone.status('BYE')).toBe(200);
    phone.respond(bye, 481);
    await hangup;
    expect((await call.done).filter(({ type }) => type === 'ended')).toHaveLength(1);
  });

  it('is not done by closing the agent', async () => {
    const { call } = await answered();
    await agent.close();
    await call.done;
    expect(call.types).toEqual(['answered']);
    expect(phone.count('BYE')).toBe(0);
    expect(agent.load).toEqual({ calls: 0, transactions: 0 });
    expect(() => agent.call(callRequest(phone.target))).toThrow('closed');
  });
});
