import { once } from 'node:events';
import { connect } from 'node:net';
import { SipUserAgent } from '../../../src/lib/sip/user-agent.js';
import { essentials } from '../../../src/lib/sip/message/sip-message.js';
import { eventually } from '../../support/process.js';
import { CREDENTIALS, LOCAL } from './calling.js';
import { UdpPhone } from './udp-phone.js';

const TIMERS = { t1Ms: 40, t2Ms: 160, t4Ms: 200, secondMs: 2 };

let agent: SipUserAgent;
let phone: UdpPhone;
let problems: string[];

beforeEach(async () => {
  problems = [];
  agent = await SipUserAgent.start({ address: LOCAL, timers: TIMERS, onProblem: (problem) => problems.push(problem) });
  phone = await UdpPhone.start();
});

afterEach(async () => {
  await agent.close();
  phone.close();
});

const head = (method: string, via: string, more: string[] = []): string[] => [
  `${method} sip:outdial@${LOCAL} SIP/2.0`,
  `Via: ${via}`,
  'From: <sip:stranger@example.test>;tag=1',
  'To: <sip:outdial@example.test>',
  'Call-ID: strange',
  `CSeq: 1 ${method}`,
  ...more,
];

const say = (lines: string[]): void => {
  phone.send(lines, '', { address: LOCAL, port: agent.port });
};

describe('requests of strangers', () => {
  it.each([
    ['INVITE', 403, []],
    ['OPTIONS', 200, []],
    ['REGISTER', 405, []],
    ['BYE', 481, []],
    ['CANCEL', 481, []],
    ['INFO', 481, ['To: <sip:outdial@example.test>;tag=none']],
  ])('%s is answered %d', async (method, status, to) => {
    const lines = head(method, `SIP/2.0/UDP ${LOCAL};rport;branch=z9hG4bKa`);
    say(to.length === 0 ? lines : [...lines.filter((line) => !line.startsWith('To')), ...to]);
    const response = await phone.response(method);
    expect(response.status).toBe(status);
    expect(response.headers.get('via')).toContain(`;rport=${String(phone.target.port)}`);
    expect(response.headers.get('via')).toContain(`;received=${LOCAL}`);
    expect(essentials(response)?.toTag).toBeDefined();
  });

  it('are answered where Via says, without rport', async () => {
    const elsewhere = await UdpPhone.start();
    say(head('OPTIONS', `SIP/2.0/UDP ${LOCAL}:${String(elsewhere.target.port)};branch=z9hG4bKb`));
    expect(await elsewhere.status('OPTIONS')).toBe(200);
    elsewhere.close();
  });

  it.each([
    ['the method in CSeq is another', (lines: string[]) => lines.map((line) => line.replace('1 OPTIONS', '1 BYE'))],
    ['there are two Call-IDs', (lines: string[]) => [...lines, 'Call-ID: second']],
    ['there is no From', (lines: string[]) => lines.filter((line) => !line.startsWith('From'))],
    ['the body is shorter than said', (lines: string[]) => [...lines, 'l: 5000']],
  ])('are refused when %s', async (_, spoil) => {
    say(spoil(head('OPTIONS', `SIP/2.0/UDP ${LOCAL};rport;branch=z9hG4bKc`)));
    await eventually('400', () => Promise.resolve(phone.received.length > 0 || undefined));
    expect(phone.received[0]).toMatchObject({ status: 400 });
    expect(problems).toEqual(['A SIP request is malformed']);
    expect(agent.load.transactions).toBe(0);
  });

  it('are dropped when there is nobody to answer', async () => {
    say(['hello SIP world', 'x: y']);
    say(['OPTIONS sip:a@b SIP/2.0', 'From: x']);
    await eventually('problems', () => Promise.resolve(problems.length === 2 || undefined));
    expect(problems).toEqual(['A datagram is no SIP message', 'A SIP request has no Via']);
  });

  it('come over TCP in pieces, with keep-alives between, and back the same way', async () => {
    const socket = connect(agent.port, LOCAL);
    await once(socket, 'connect');
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    const text = [...head('OPTIONS', `SIP/2.0/TCP ${LOCAL};branch=z9hG4bKt`), 'l: 0', '', ''].join('\r\n');
    socket.write(`\r\n\r\n${text.slice(0, 90)}`);
    await eventually('pong', () => Promise.resolve(heard === '\r\n' || undefined));
    socket.write(text.slice(90) + text.replace('z9hG4bKt', 'z9hG4bKu'));
    await eventually('answers', () => Promise.resolve(heard.split('SIP/2.0 200').length === 3 || undefined));
    socket.destroy();
  });

  it('over TCP that make no sense lose their connection', async () => {
    const socket = connect(agent.port, LOCAL);
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'close');
    expect(problems).toEqual(['A SIP connection sent what is no SIP']);
  });
});

describe('a registration', () => {
  const granted = (seconds: number): string[] => [`Contact: <sip:alice@127.0.0.1>;expires=${seconds}`];

  it('logs in, is refreshed, and ends', async () => {
    const outcomes: [boolean, number][] = [];
    const registration = agent.register({
      targets: [phone.target],
      aor: 'sip:alice@carrier.test',
      credentials: CREDENTIALS,
      onChange: (...outcome) => outcomes.push(outcome),
    });
    const register = await phone.request('REGISTER');
    expect(register.uri).toBe('sip:carrier.test');
    expect(register.headers.get('expires')).toBe('600');
    expect(register.headers.get('contact')).toBe(`<sip:alice@127.0.0.1:${agent.port}>`);
    phone.respond(register, 401, { headers: ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'] });
    phone.respond(await phone.request('REGISTER'), 423, { headers: ['Min-Expires: 900'] });
    const longer = await phone.request('REGISTER');
    expect(longer.headers.get('expires')).toBe('900');
    expect(longer.headers.get('authorization')).toContain('nc=00000002');
    phone.respond(longer, 200, { headers: granted(60) });
    expect(await registration.first).toBe(200);
    const refresh = await phone.request('REGISTER');
    expect(refresh.headers.get('call-id')).toBe(register.headers.get('call-id'));
    phone.respond(refresh, 200, { headers: granted(3_600) });
    await eventually('refreshed', () => Promise.resolve(outcomes.length === 2 || undefined));
    const closed = registration.close();
    const last = await phone.request('REGISTER');
    expect(last.headers.get('expires')).toBe('0');
    phone.respond(last, 200);
    await closed;
    expect(outcomes).toEqual([
      [true, 200],
      [true, 200],
    ]);
  });

  it('is tried again after it failed', async () => {
    const registration = agent.register({ targets: [phone.target], aor: 'sip:alice@carrier.test' });
    phone.respond(await phone.request('REGISTER'), 503);
    expect(await registration.first).toBe(503);
    expect(registration.registered).toBe(false);
    phone.respond(await phone.request('REGISTER'), 200, { headers: granted(3_600) });
    await eventually('registered', () => Promise.resolve(registration.registered || undefined));
  });
});

it('a ping gets an answer, or none', async () => {
  const ping = agent.optionsPing(phone.target);
  phone.respond(await phone.request('OPTIONS'), 503);
  expect(await ping).toMatchObject({ ok: false, status: 503 });
  expect(await agent.optionsPing(phone.target, 50)).toEqual({ ok: false, status: null, rttMs: null });
  expect(await agent.optionsPing({ ...phone.target, transport: 'tcp' })).toMatchObject({ ok: false, status: null });
});
