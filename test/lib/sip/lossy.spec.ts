import { SipUserAgent } from '../../../src/lib/sip/user-agent.js';
import { callRequest, Listener, LOCAL } from './calling.js';
import { LossyRelay } from './lossy-relay.js';
import { Baresip, describeWithPeers, stopPeers } from '../../peers/peers.js';

afterAll(stopPeers);

describeWithPeers(['baresip', 'openssl'], 'a network that loses the first copy of everything', () => {
  it('does not keep a call from being answered and ended by either side', async () => {
    const phone = await Baresip.start();
    const agent = await SipUserAgent.start({ address: LOCAL, timers: { t1Ms: 100 } });
    const relay = await LossyRelay.to(phone.target('udp'), agent.port);
    const ours = new Listener(agent.call(callRequest(relay.target)));
    await ours.hears('answered');
    await ours.call.hangup();
    expect(ours.last).toMatchObject({ type: 'ended', by: 'local' });
    const theirs = new Listener(agent.call(callRequest(relay.target)));
    await theirs.hears('answered');
    await phone.command('hangup');
    expect(await theirs.hears('ended')).toMatchObject({ by: 'remote' });
    expect(theirs.types.filter((type) => type === 'answered')).toHaveLength(1);
    expect(relay.lost).toBeGreaterThan(8);
    await agent.close();
    relay.close();
  });
});
