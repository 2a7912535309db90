import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type SipTarget } from '../../../src/lib/sip/sip-types.js';

/**
 * A network between two SIP ends that loses the first copy of every datagram. It writes its own addresses over theirs,
 * so that everything goes through it.
 */
export class LossyRelay {
  lost = 0;
  private readonly seen = new Set<string>();

  private constructor(
    private readonly ours: Socket,
    private readonly theirs: Socket,
    private readonly phone: SipTarget,
  ) {}

  static async to(phone: SipTarget, agentPort: number): Promise<LossyRelay> {
    const [ours, theirs] = [createSocket('udp4').bind(0, '127.0.0.1'), createSocket('udp4').bind(0, '127.0.0.1')];
    await Promise.all([once(ours, 'listening'), once(theirs, 'listening')]);
    const relay = new LossyRelay(ours, theirs, phone);
    const agent = `127.0.0.1:${agentPort}`;
    const far = `${phone.host}:${String(phone.port)}`;
    const near = (socket: Socket): string => `127.0.0.1:${socket.address().port}`;
    ours.on('message', (data) => {
      const text = data.toString().replaceAll(agent, near(theirs)).replaceAll(near(ours), far);
      relay.pass(text, theirs, phone.port ?? 0, phone.host);
    });
    theirs.on('message', (data) => {
      const text = data.toString().replaceAll(far, near(ours)).replaceAll(near(theirs), agent);
      relay.pass(text, ours, agentPort, '127.0.0.1');
    });
    return relay;
  }

  get target(): SipTarget {
    return { ...this.phone, host: '127.0.0.1', port: this.ours.address().port };
  }

  close(): void {
    this.ours.close();
    this.theirs.close();
  }

  private pass(text: string, socket: Socket, port: number, address: string): void {
    if (this.seen.has(text)) socket.send(text, port, address);
    else this.lost++;
    this.seen.add(text);
  }
}
