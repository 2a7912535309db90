import { type IncomingMessage } from 'node:http';
import { type LookupFunction } from 'node:net';
import WebSocket from 'ws';
import { ProviderError } from './ports.js';
import { ProviderRequest } from './provider-request.js';
import { refusal } from './http.js';

export interface SocketOptions {
  /** Name in error messages. */
  name: string;
  /** `ws:` or `wss:`. */
  url: string;
  headers: Readonly<Record<string, string>>;
  /** The lookup of a guard; it refuses addresses that are not public. */
  lookup?: LookupFunction | undefined;
  signal: AbortSignal;
  /** Timeout of the connection, milliseconds. */
  openMs: number;
  onText: (text: string) => void;
  onBytes?: (bytes: Buffer) => void;
  /** Called once at the end, with a `ProviderError`, the reason of the signal, or undefined for an orderly close. */
  onEnd: (failure: unknown) => void;
}

/** Bytes of one message. */
const MAX_BYTES = 1_000_000;
/** Bytes that may wait to be sent: a minute of PCM16 at 8 kHz. */
const MAX_QUEUED_BYTES = 960_000;
/** Orderly close codes (RFC 6455 section 7.4.1): normal, going away, none. */
const IN_ORDER = [1000, 1005];
const POLICY_VIOLATION = 1008;
const TRY_AGAIN_LATER = 1013;

/** A WebSocket to a provider: it queues sends until it is open, bounds everything, and reports its end once. */
export class ProviderSocket {
  private readonly exchange: ProviderRequest;
  private readonly socket: WebSocket;
  private waiting: (string | Buffer)[] = [];
  private waitingBytes = 0;
  private ended = false;
  /** Timeout of the next message, once the socket is open. */
  private owedMs: number | undefined;

  /** @throws the reason of the signal when it is aborted already, or a ProviderError for a malformed URL */
  constructor(private readonly options: SocketOptions) {
    this.exchange = new ProviderRequest(options.name, options.signal);
    this.exchange.expect(options.openMs);
    this.exchange.signal.addEventListener('abort', () => {
      this.fail(undefined);
    });
    this.socket = this.open();
    this.listen();
  }

  send(data: string | Buffer): void {
    if (this.ended) return;
    if (this.socket.readyState === WebSocket.OPEN) {
      this.socket.send(data);
      this.waitingBytes = this.socket.bufferedAmount;
    } else {
      this.waiting.push(data);
      this.waitingBytes += data.length;
    }
    if (this.waitingBytes > MAX_QUEUED_BYTES)
      this.fail(new ProviderError('timeout', `${this.options.name} does not take what it is sent`));
  }

  /** Starts the timeout of the next message, milliseconds. */
  expect(ms: number): void {
    if (this.ended) return;
    this.owedMs = ms;
    // Until the socket is open, the timeout of the connection counts.
    if (this.socket.readyState === WebSocket.OPEN) this.exchange.expect(ms);
  }

  /** Stops the timeout: no message is due. */
  rest(): void {
    this.owedMs = undefined;
    this.exchange.rest();
  }

  /** Closes the socket in any state. `onEnd` is not called afterwards. */
  close(): void {
    this.ended = true;
    this.waiting = [];
    this.exchange.end();
    this.socket.terminate();
  }

  private open(): WebSocket {
    const { url, headers, lookup } = this.options;
    try {
      return new WebSocket(url, {
        headers,
        ...(lookup && { lookup }),
        perMessageDeflate: false,
        followRedirects: false,
        maxPayload: MAX_BYTES,
      });
    } catch (error) {
      this.ended = true;
      this.exchange.end();
      throw this.exchange.failure(error);
    }
  }

  private listen(): void {
    const { name, onText, onBytes, onEnd } = this.options;
    this.socket
      .on('open', () => {
        if (this.owedMs === undefined) this.exchange.rest();
        else this.exchange.expect(this.owedMs);
        for (const data of this.waiting.splice(0)) this.socket.send(data);
        this.waitingBytes = this.socket.bufferedAmount;
      })
      .on('message', (data: Buffer, isBinary: boolean) => {
        if (this.ended) return;
        if (isBinary) onBytes?.(data);
        else onText(data.toString());
      })
      .on('unexpected-response', (_, response: IncomingMessage) => {
        this.fail(refusal(name, response.statusCode ?? 500, response.headers['retry-after']));
      })
      .on('error', (error) => {
        this.fail(error);
      })
      .on('close', (code) => {
        if (!IN_ORDER.includes(code)) this.fail(broken(name, code));
        if (this.ended) return;
        this.close();
        onEnd(undefined);
      });
  }

  private fail(error: unknown): void {
    if (this.ended) return;
    const failure = this.exchange.failure(error);
    this.close();
    this.options.onEnd(failure);
  }
}

function broken(name: string, code: number): ProviderError {
  const message = `${name} closed its connection (${code})`;
  if (code === POLICY_VIOLATION) return new ProviderError('refused', message);
  return new ProviderError(code === TRY_AGAIN_LATER ? 'rate_limited' : 'unavailable', message);
}
