import { SipUserAgent } from '../../../src/lib/sip/user-agent.js';
import { callRequest, Listener, LOCAL } from './calling.js';
import { TcpPhone } from './tcp-phone.js';
import { ANSWER, UdpPhone } from './udp-phone.js';

let agent: SipUserAgent;
let phone: TcpPhone;

beforeEach(async () => {
  agent = await SipUserAgent.start({ address: LOCAL });
  phone = await TcpPhone.start();
});

afterEach(async () => {
  await agent.close();
  await phone.close();
});

const dial = (): Listener => new Listener(agent.call(callRequest(phone.target)));

describe('a connection', () => {
  it('is shared by calls, and named in what we send', async () => {
    const calls = [dial(), dial()];
    for (const nth of [0, 1]) phone.respond(await phone.request('INVITE', nth), 200, ANSWER);
    await Promise.all(calls.map((call) => call.hears('answered')));
    expect(phone.sockets).toHaveLength(1);
    const { headers } = (await phone.request('ACK')).request;
    expect(headers.get('via')).toContain(`SIP/2.0/TCP 127.0.0.1:${agent.port}`);
    const invite = (await phone.request('INVITE')).request;
    expect(invite.headers.get('contact')).toBe(`<sip:agent@127.0.0.1:${agent.port};transport=tcp>`);
  });

  it('that breaks before any response fails the call', async () => {
    const call = dial();
    (await phone.request('INVITE')).socket.destroy();
    expect(await call.hears('failed')).toMatchObject({ cause: 'transport', status: null });
  });

  it('that breaks before any response has the next target tried', async () => {
    const spare = await UdpPhone.start();
    const call = new Listener(agent.call(callRequest([phone.target, spare.target])));
    (await phone.request('INVITE')).socket.destroy();
    spare.respond(await spare.request('INVITE'), 486);
    expect(await call.hears('failed')).toMatchObject({ status: 486 });
    spare.close();
  });

  it('is opened again for what comes later', async () => {
    const call = dial();
    const invite = await phone.request('INVITE');
    phone.respond(invite, 200, ANSWER);
    await call.hears('answered');
    await phone.request('ACK');
    invite.socket.destroy();
    const hangup = call.call.hangup();
    const bye = await phone.request('BYE');
    expect(bye.socket).not.toBe(invite.socket);
    phone.respond(bye, 200);
    await hangup;
    expect(call.last).toMatchObject({ type: 'ended', by: 'local' });
  });

  it('that died unnoticed is opened again for the next call', async () => {
    const first = dial();
    const invite = await phone.request('INVITE');
    phone.respond(invite, 486);
    await first.done;
    await phone.request('ACK');
    invite.socket.destroy();
    const next = dial();
    phone.respond(await phone.request('INVITE', 1), 404);
    expect(await next.hears('failed')).toMatchObject({ status: 404 });
  });

  it('is not waited for when the call is given up', async () => {
    const call = dial();
    call.call.cancel();
    expect(await call.hears('failed')).toMatchObject({ cause: 'cancelled' });
    await call.done;
    expect(phone.requests).toEqual([]);
  });
});
