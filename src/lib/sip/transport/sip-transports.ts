import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Flow } from './flow.js';
import { isAddress, isIPv6 } from '../message/host.js';
import { type Hop } from './locate.js';
import { parseDatagram, type SipMessage } from '../message/sip-message.js';
import { type SipTlsOptions, type SipTransport } from '../sip-types.js';
import { StreamFlow } from './stream-flow.js';

export interface TransportOptions {
  address: string;
  port: number;
  tls: SipTlsOptions | undefined;
  connectMs: number;
  /** May be called until `close` resolves. */
  onMessage: (message: SipMessage, malformed: boolean, flow: Flow) => void;
  onProblem: (problem: string, detail?: unknown) => void;
}

const PORT_TRIES = 20;
const WILDCARDS = new Set(['0.0.0.0', '::']);
const MAX_CONNECTIONS = 1_000;
/** Closes an incoming connection after this time without data. */
const IDLE_MS = 600_000;
const RECEIVE_BUFFER_BYTES = 1_048_576;

/** The sockets of a user agent: UDP and TCP on one port, and connections to where requests go. Owns them all. */
export class SipTransports {
  private readonly flows = new Map<string, Promise<StreamFlow>>();
  private readonly open = new Set<Socket>();
  private readonly connecting = new Set<Socket>();
  private closed = false;

  private constructor(
    private readonly options: TransportOptions,
    private readonly udp: UdpSocket,
    private readonly tcp: Server,
    /** Of both UDP and TCP. */
    readonly port: number,
  ) {
    udp.on('message', (data, { address, port: from }) => {
      this.receive(data, address.replace(/^::ffff:/, ''), from);
    });
    udp.on('error', (error) => {
      options.onProblem('The SIP socket failed', error);
    });
    tcp.on('connection', (socket: Socket) => {
      socket.setTimeout(IDLE_MS, () => socket.destroy());
      this.adopt(socket, 'tcp');
    });
    tcp.on('error', (error) => {
      options.onProblem('The SIP listener failed', error);
    });
  }

  /** @throws Error when the address or the port cannot be had */
  static async listen(options: TransportOptions): Promise<SipTransports> {
    for (let tries = 1; ; tries++) {
      const udp = createSocket({
        type: isIPv6(options.address) ? 'udp6' : 'udp4',
        recvBufferSize: RECEIVE_BUFFER_BYTES,
      });
      try {
        udp.bind(options.port, options.address);
        await once(udp, 'listening');
        const { port } = udp.address();
        const tcp = createServer({ pauseOnConnect: false });
        tcp.maxConnections = MAX_CONNECTIONS;
        tcp.listen(port, options.address);
        await once(tcp, 'listening');
        return new SipTransports(options, udp, tcp, port);
      } catch (error) {
        udp.close();
        // The port that UDP was given may be taken for TCP: another one, if any will do.
        if (options.port !== 0 || tries === PORT_TRIES) throw error;
      }
    }
  }

  /**
   * The way to a hop; connections are shared.
   * @throws Error when it cannot be reached
   */
  async flowTo({ transport, address, port, host }: Hop): Promise<Flow> {
    if (this.closed) throw new Error('The SIP user agent is closed');
    if (transport === 'udp') return this.udpFlow(address, port);
    // Not by name: what comes within a call names the same connection by its address.
    const key = `${transport} ${address} ${port}`;
    const known = this.flows.get(key);
    if (known) return known;
    const connecting = this.connect(transport, address, port, host);
    this.flows.set(key, connecting);
    const forget = (): void => {
      if (this.flows.get(key) === connecting) this.flows.delete(key);
    };
    connecting.then((flow) => flow.onBroken(forget), forget);
    return connecting;
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const socket of this.open) socket.destroy();
    for (const socket of this.connecting) socket.destroy(new Error('The SIP user agent is closed'));
    const tcpClosed = new Promise((resolve) => this.tcp.close(resolve));
    const udpClosed = new Promise<void>((resolve) => this.udp.close(resolve));
    await Promise.all([tcpClosed, udpClosed]);
  }

  private receive(data: Buffer, address: string, port: number): void {
    // Line breaks and zero bytes keep a hole in a firewall open.
    if (data.length < 8) return;
    const read = parseDatagram(data);
    if (read) this.options.onMessage(read.message, read.malformed, this.udpFlow(address, port));
    else this.options.onProblem('A datagram is no SIP message', { address, port });
  }

  private udpFlow(address: string, port: number): Flow {
    return {
      transport: 'udp',
      address,
      port,
      localPort: this.port,
      wasUsed: false,
      send: (data, onError) => {
        if (this.closed) return;
        if (port < 1 || port > 65_535) return void setImmediate(() => onError?.());
        this.udp.send(data, port, address, (error) => {
          if (error) onError?.();
        });
      },
      at: (other) => this.udpFlow(address, other),
      onBroken: () => () => undefined,
    };
  }

  private async connect(transport: SipTransport, address: string, port: number, host: string): Promise<StreamFlow> {
    const tls = this.options.tls ?? {};
    const servername = tls.servername ?? (isAddress(host) ? undefined : host);
    // From where we said we are, on a machine with several addresses.
    const from = WILDCARDS.has(this.options.address) ? {} : { localAddress: this.options.address };
    const way = { host: address, port, ...from };
    const signal = AbortSignal.timeout(this.options.connectMs);
    const socket =
      transport === 'tls'
        ? connectTls({ ...tls, ...way, ...(servername === undefined ? {} : { servername }) })
        : connect(way);
    this.connecting.add(socket);
    try {
      await once(socket, transport === 'tls' ? 'secureConnect' : 'connect', { signal });
    } catch (error) {
      socket.on('error', () => undefined).destroy();
      throw error;
    } finally {
      this.connecting.delete(socket);
    }
    return this.adopt(socket, transport);
  }

  private adopt(socket: Socket, transport: SipTransport): StreamFlow {
    this.open.add(socket);
    socket.on('close', () => this.open.delete(socket));
    // There is no TLS listener: requests come back over this connection only, so the address has its own port.
    const localPort = transport === 'tls' ? (socket.localPort ?? this.port) : this.port;
    const { onMessage, onProblem } = this.options;
    return new StreamFlow(socket, { transport, localPort, onMessage, onProblem });
  }
}
