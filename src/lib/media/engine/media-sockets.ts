import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { normalAddress, type Endpoint } from '../rtp/latch.js';

const EPHEMERAL_ATTEMPTS = 50;
/** Takes the burst of packets that waits while the worker is busy. */
const RECEIVE_BUFFER_BYTES = 256 * 1024;

type Receive = (packet: Buffer, source: Endpoint) => void;

/** The ports of a line: an even one for RTP, the next for RTCP (RFC 3550 section 11). */
export class MediaSockets {
  onRtp: Receive = () => undefined;
  onRtcp: Receive = () => undefined;
  private connectedTo: Endpoint | undefined;

  private constructor(
    private readonly rtp: Socket,
    private readonly rtcp: Socket,
    private readonly family: 4 | 6,
  ) {
    rtp.on('message', (packet, info) => {
      this.onRtp(packet, sourceOf(info));
    });
    rtcp.on('message', (packet, info) => {
      this.onRtcp(packet, sourceOf(info));
    });
  }

  /** @throws {Error} when the address is not ours or no pair of ports is free. */
  static async bind(address: string, ports: { min: number; max: number } | undefined): Promise<MediaSockets> {
    const family = isIP(address) === 6 ? 6 : 4;
    for (const port of candidates(ports)) {
      const rtp = await bindSocket(family, address, port);
      if (!rtp) continue;
      const rtpPort = rtp.address().port;
      const rtcp = rtpPort % 2 === 0 ? await bindSocket(family, address, rtpPort + 1) : undefined;
      if (rtcp) return new MediaSockets(rtp, rtcp, family);
      rtp.close();
    }
    throw new Error(ports ? `no pair of ports is free from ${ports.min} to ${ports.max}` : 'no pair of ports is free');
  }

  get rtpPort(): number {
    return this.rtp.address().port;
  }

  get rtcpPort(): number {
    return this.rtcp.address().port;
  }

  /** From now on packets come from there only, and sending is cheaper: the kernel knows the way. */
  connectRtp(target: Endpoint): void {
    this.disconnectRtp();
    try {
      this.rtp.connect(target.port, this.onWire(target.address));
      // Throws unless it worked, which is known at once, as nothing is looked up.
      this.rtp.remoteAddress();
      this.connectedTo = target;
    } catch {
      // Unconnected works as well.
    }
  }

  disconnectRtp(): void {
    if (!this.connectedTo) return;
    this.connectedTo = undefined;
    try {
      this.rtp.disconnect();
    } catch {
      // It had not come to be connected.
    }
  }

  sendRtp(packet: Buffer, target: Endpoint): void {
    try {
      if (this.connectedTo) this.rtp.send(packet);
      else this.rtp.send(packet, target.port, this.onWire(target.address));
    } catch {
      // The operating system refuses the address: the far end receives nothing.
    }
  }

  /** `muxed`: through the port of RTP. */
  sendRtcp(packet: Buffer, target: Endpoint, muxed: boolean): void {
    if (muxed) {
      this.sendRtp(packet, target);
      return;
    }
    try {
      this.rtcp.send(packet, target.port, this.onWire(target.address));
    } catch {
      // As above.
    }
  }

  /** Resolves when both are closed; what was sent before is on its way. */
  async close(): Promise<void> {
    await Promise.all(
      [this.rtp, this.rtcp].map(async (socket) => {
        const closed = once(socket, 'close');
        socket.close();
        await closed;
      }),
    );
  }

  private onWire(address: string): string {
    return this.family === 6 && isIP(address) === 4 ? `::ffff:${address}` : address;
  }
}

const sourceOf = (info: RemoteInfo): Endpoint => ({
  address: info.family === 'IPv4' ? info.address : (normalAddress(info.address) ?? info.address),
  port: info.port,
});

/** Even ports from a random one on: that they cannot be guessed makes it harder to send into a call. */
function* candidates(ports: { min: number; max: number } | undefined): Generator<number> {
  if (!ports) {
    for (let attempt = 0; attempt < EPHEMERAL_ATTEMPTS; attempt++) yield 0;
    return;
  }
  const first = ports.min + (ports.min % 2);
  const pairs = Math.floor((ports.max - first + 1) / 2);
  if (pairs < 1) return;
  const start = randomInt(pairs);
  for (let i = 0; i < pairs; i++) yield first + 2 * ((start + i) % pairs);
}

/** Undefined when the port is taken. */
async function bindSocket(family: 4 | 6, address: string, port: number): Promise<Socket | undefined> {
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Only addresses are ever given: to look them up would put each packet through the thread pool.
    lookup: (host, _options, callback) => {
      (callback as unknown as (error: null, address: string, family: number) => void)(null, host, family);
    },
  });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address, port, exclusive: true }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    socket.close();
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  // A connected socket tells that the far end's port is closed. The media timeout is what ends such a call.
  socket.on('error', () => undefined);
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // The system's own size does as well.
  }
  return socket;
}
