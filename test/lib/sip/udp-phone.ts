import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type SipTarget } from '../../../src/lib/sip/sip-types.js';
import {
  essentials,
  parseDatagram,
  type SipMessage,
  type SipRequest,
} from '../../../src/lib/sip/message/sip-message.js';
import { eventually } from '../../support/process.js';

export const ANSWER = [
  'v=0',
  'o=phone 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 41000 RTP/AVP 0 101',
  'a=rtpmap:101 telephone-event/8000',
  '',
].join('\r\n');

export interface Reply {
  tag?: string;
  /** Header lines. */
  headers?: string[];
  sdp?: string;
  phrase?: string;
  /** Where to; whoever sent last unless told. */
  to?: { address: string; port: number };
}

/** A phone that does what a test tells it to: for all that real ones do not do on demand. */
export class UdpPhone {
  readonly received: SipMessage[] = [];
  private readonly known = new Set<string>();
  private from: RemoteInfo | undefined;
  private read = 0;
  private branches = 0;

  private constructor(private readonly socket: Socket) {
    socket.on('message', (data, from) => {
      const message = parseDatagram(data)?.message;
      if (!message) return;
      this.from = from;
      this.received.push(message);
    });
  }

  static async start(address = '127.0.0.1'): Promise<UdpPhone> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4').bind(0, address);
    await once(socket, 'listening');
    return new UdpPhone(socket);
  }

  get target(): SipTarget {
    const { address, port } = this.socket.address();
    return { host: address, port, transport: 'udp' };
  }

  get contact(): string {
    const { address, port } = this.socket.address();
    return `<sip:phone@${address.includes(':') ? `[${address}]` : address}:${port}>`;
  }

  close(): void {
    this.socket.close();
  }

  /** Waits for the next new request with a method, skipping what comes before and copies. */
  async request(method: string): Promise<SipRequest> {
    for (;;) {
      const message = await this.copy(method);
      const name = `${method} ${message.headers.get('via') ?? ''}`;
      if (this.known.has(name)) continue;
      this.known.add(name);
      return message;
    }
  }

  /** The same, but a copy of a request counts too. */
  async copy(method: string): Promise<SipRequest> {
    const message = await this.next(method, (one) => one.kind === 'request' && one.method === method);
    return message as SipRequest;
  }

  /** Waits for the next response to a method of ours; its status. */
  async status(method: string): Promise<number> {
    return (await this.response(method)).status;
  }

  async response(method: string) {
    const message = await this.next(
      `response to ${method}`,
      (one) => one.kind === 'response' && essentials(one)?.cseq.method === method,
    );
    if (message.kind !== 'response') throw new Error('no response');
    return message;
  }

  respond(
    request: SipRequest,
    status: number,
    { tag = 'phone', headers = [], sdp, phrase = 'Said', to: receiver }: Reply = {},
  ): void {
    const { headers: theirs } = request;
    const to = theirs.get('to') ?? '';
    this.send(
      [
        `SIP/2.0 ${status} ${phrase}`,
        ...theirs.all('via').map((via) => `Via: ${via}`),
        `From: ${theirs.get('from') ?? ''}`,
        `To: ${to}${status === 100 || to.includes(';tag=') ? '' : `;tag=${tag}`}`,
        `Call-ID: ${theirs.get('call-id') ?? ''}`,
        `CSeq: ${theirs.get('cseq') ?? ''}`,
        `Contact: ${this.contact}`,
        ...headers,
      ],
      sdp,
      receiver,
    );
  }

  /** Sends a request within the dialog of an INVITE that we answered. */
  ask(invite: SipRequest, method: string, cseq: number, reply: Reply & { branch?: string; uri?: string } = {}): void {
    const { headers } = invite;
    const uri = reply.uri ?? /<([^>]+)>/.exec(headers.get('contact') ?? '')?.[1] ?? '';
    this.send(
      [
        `${method} ${uri} SIP/2.0`,
        `Via: SIP/2.0/UDP ${this.target.host}:${String(this.target.port)};rport;branch=${reply.branch ?? `z9hG4bKphone${++this.branches}`}`,
        `From: ${headers.get('to') ?? ''};tag=${reply.tag ?? 'phone'}`,
        `To: ${headers.get('from') ?? ''}`,
        `Call-ID: ${headers.get('call-id') ?? ''}`,
        `CSeq: ${cseq} ${method === 'ACK' ? 'ACK' : method}`,
        `Contact: ${this.contact}`,
        'Max-Forwards: 70',
        ...(reply.headers ?? []),
      ],
      reply.sdp,
      reply.to,
    );
  }

  send(lines: string[], sdp = '', to?: { address: string; port: number }): void {
    const head = sdp === '' ? lines : [...lines, 'Content-Type: application/sdp'];
    const text = [...head, `Content-Length: ${Buffer.byteLength(sdp)}`, '', sdp].join('\r\n');
    const { address, port } = to ?? this.from ?? { address: '', port: 0 };
    this.socket.send(text, port, address);
  }

  /** Sends anything to a port of this machine. */
  sendRaw(data: Buffer, port: number): void {
    this.socket.send(data, port, '127.0.0.1');
  }

  /** Waits for a message with a header line, and forgets all that came. */
  async hears(line: string): Promise<void> {
    await eventually(line, () =>
      Promise.resolve(this.received.some((message) => message.headers.lines().includes(line)) || undefined),
    );
    this.received.length = this.read = 0;
  }

  /** How many requests with a method came so far. */
  count(method: string): number {
    return this.received.filter((one) => one.kind === 'request' && one.method === method).length;
  }

  private next(what: string, isIt: (message: SipMessage) => boolean): Promise<SipMessage> {
    return eventually(what, () => {
      for (let index = this.read; index < this.received.length; index++) {
        const message = this.received[index];
        if (!message || !isIt(message)) continue;
        this.read = index + 1;
        return Promise.resolve(message);
      }
      return Promise.resolve(undefined);
    });
  }
}
