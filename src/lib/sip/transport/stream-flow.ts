import { type Socket } from 'node:net';
import { type Flow } from './flow.js';
import { type SipMessage } from '../message/sip-message.js';
import { type SipTransport } from '../sip-types.js';
import { StreamParser } from '../message/stream-parser.js';

export interface StreamFlowOptions {
  transport: SipTransport;
  localPort: number;
  onMessage: (message: SipMessage, malformed: boolean, flow: Flow) => void;
  onProblem: (problem: string, detail?: unknown) => void;
}

const CRLF = Buffer.from('\r\n');
const KEEP_ALIVE_MS = 30_000;
/** More than this waits for a far end that does not read: it is given up. */
const MAX_WAITING_BYTES = 1_048_576;

/** A TCP or TLS connection, incoming or outgoing. Owns the socket. */
export class StreamFlow implements Flow {
  readonly transport: SipTransport;
  readonly address: string;
  readonly port: number;
  readonly localPort: number;
  wasUsed = false;
  private readonly listeners = new Set<() => void>();

  /** @param socket connected */
  constructor(
    private readonly socket: Socket,
    options: StreamFlowOptions,
  ) {
    this.transport = options.transport;
    this.address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    this.port = socket.remotePort ?? 0;
    this.localPort = options.localPort;
    this.read(options);
  }

  get isOpen(): boolean {
    return this.socket.writable;
  }

  send(data: Buffer, onError?: () => void): void {
    if (!this.isOpen) {
      setImmediate(() => onError?.());
      return;
    }
    this.wasUsed = true;
    // A failed write closes the flow, and `close` informs the listeners.
    this.socket.write(data);
    if (this.socket.writableLength > MAX_WAITING_BYTES) this.close();
  }

  at(): this {
    return this;
  }

  onBroken(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.socket.destroy();
  }

  private read({ onMessage, onProblem }: StreamFlowOptions): void {
    const parser = new StreamParser({
      onMessage: (message, malformed) => {
        onMessage(message, malformed, this);
      },
      onPing: () => {
        this.send(CRLF);
      },
    });
    this.socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    this.socket.on('data', (chunk: Buffer) => {
      if (parser.push(chunk)) return;
      onProblem('A SIP connection sent what is no SIP', { address: this.address, port: this.port });
      this.close();
    });
    this.socket.on('error', (error) => {
      onProblem('A SIP connection failed', error);
    });
    this.socket.on('end', () => {
      this.close();
    });
    this.socket.on('close', () => {
      for (const listener of [...this.listeners]) listener();
      this.listeners.clear();
    });
  }
}
