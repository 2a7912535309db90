import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type SipTarget } from '../../../src/lib/sip/sip-types.js';
import { type SipRequest } from '../../../src/lib/sip/message/sip-message.js';
import { StreamParser } from '../../../src/lib/sip/message/stream-parser.js';
import { eventually } from '../../support/process.js';

/** A phone on TCP that does what a test tells it to. */
export class TcpPhone {
  /** Requests, with the connection each came over. */
  readonly requests: { request: SipRequest; socket: Socket }[] = [];
  readonly sockets: Socket[] = [];

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined);
      const onMessage = (request: unknown): void => void this.requests.push({ request: request as SipRequest, socket });
      const parser = new StreamParser({ onMessage, onPing: () => undefined });
      socket.on('data', (chunk: Buffer) => parser.push(chunk));
    });
  }

  static async start(): Promise<TcpPhone> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpPhone(server);
  }

  get target(): SipTarget {
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port, transport: 'tcp' };
  }

  /** Waits for the nth request with a method, from 0. */
  request(method: string, nth = 0): Promise<{ request: SipRequest; socket: Socket }> {
    return eventually(method, () =>
      Promise.resolve(this.requests.filter(({ request }) => request.method === method)[nth]),
    );
  }

  respond({ request, socket }: { request: SipRequest; socket: Socket }, status: number, sdp = ''): void {
    const copied = ['via', 'from', 'call-id', 'cseq'].map((name) => `${name}: ${request.headers.all(name).join(',')}`);
    const to = request.headers.get('to') ?? '';
    const lines = [
      `SIP/2.0 ${status} Said`,
      ...copied,
      `To: ${to}${to.includes('tag=') ? '' : ';tag=phone'}`,
      `Contact: <sip:phone@127.0.0.1:${String(this.target.port)};transport=tcp>`,
      'Content-Type: application/sdp',
      `Content-Length: ${sdp.length}`,
    ];
    socket.write([...lines, '', sdp].join('\r\n'));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}
