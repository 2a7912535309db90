import { once } from 'node:events';
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as sendHttp } from 'node:http';
import { Agent as HttpsAgent, request as sendHttps } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { addressProblem, hostOf, type OutboundRules } from './address-problem.js';
import { guardedLookup } from './guarded-lookup.js';
import { headerProblem } from './header-problem.js';
import { NetworkList } from './network.js';
import { failureOf, OutboundFailed, OutboundRefused } from './outbound-errors.js';
import { type OutboundGuard } from './outbound-guard.js';
import { type Resolve, resolveByDns, resolveBySystem } from './resolve.js';

export interface OutboundOptions extends OutboundRules {
  /** How names are resolved. Default: by the name servers; as the system does when private networks are allowed. */
  resolve?: Resolve;
}

export interface OutboundRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  /** Host, length and connection are ours to set. */
  headers?: Readonly<Record<string, string>>;
  body?: string | Buffer;
  /** For everything together: name, connection, TLS, headers and body of the answer. */
  timeoutMs: number;
  /** What to keep of the body; the connection is dropped when there is more. */
  maxBytes: number;
  signal?: AbortSignal;
}

export interface OutboundAnswer {
  /** Redirects are answers like any other: they are not followed. */
  status: number;
  /** Names in lower case; what came several times is joined by commas. */
  headers: Record<string, string>;
  /** Read as UTF-8. */
  body: string;
  /** The body was longer. */
  truncated: boolean;
  ms: number;
}

const MAX_HEADER_BYTES = 16_384;
/** Shorter than servers keep idle connections, so that none is used in the moment in which the other side closes it. */
const IDLE_MS = 2_000;
const MAX_IDLE_SOCKETS = 256;
/** How long one of several addresses is tried before the next joins in. Node's 250 ms are too few across an ocean. */
const ATTEMPT_MS = 1_000;

/**
 * The only client for addresses of customers. It keeps requests out of the server's own network: the connection checks
 * the resolved address and uses exactly that one, and the pool reuses a connection for the same host and port only. The
 * client ignores proxies of the environment and always verifies certificates (NODE_EXTRA_CA_CERTS adds authorities).
 */
export class OutboundHttp {
  /** The same rules, for connections that are not made here. */
  readonly guard: OutboundGuard;
  private readonly http: HttpAgent;
  private readonly https: HttpsAgent;

  constructor(options: OutboundOptions) {
    const { allowNetworks, resolve = allowNetworks.length > 0 ? resolveBySystem : resolveByDns() } = options;
    const lookup = guardedLookup(resolve, new NetworkList(allowNetworks));
    this.guard = { problem: (url) => addressProblem(url, options), lookup };
    const agentOptions = {
      keepAlive: true,
      timeout: IDLE_MS,
      maxFreeSockets: MAX_IDLE_SOCKETS,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
      lookup,
    };
    this.http = new HttpAgent(agentOptions);
    this.https = new HttpsAgent({ ...agentOptions, rejectUnauthorized: true });
  }

  /**
   * @throws OutboundRefused when the address may not be asked; nothing was connected to
   * @throws OutboundFailed when no whole answer came
   */
  async request(asked: OutboundRequest): Promise<OutboundAnswer> {
    const problem = this.guard.problem(asked.url) ?? headerProblem(asked.headers ?? {});
    if (problem !== undefined) throw new OutboundRefused(problem);
    const startedAt = performance.now();
    const end = new AbortController();
    const timer = setTimeout(() => {
      end.abort(new OutboundFailed('timeout', `No answer within ${asked.timeoutMs / 1000} seconds`));
    }, asked.timeoutMs);
    const abort = () => {
      end.abort(new OutboundFailed('aborted', 'The request was given up'));
    };
    asked.signal?.addEventListener('abort', abort);
    if (asked.signal?.aborted) abort();
    try {
      const answer = await this.exchange(asked, end.signal);
      return { ...answer, ms: performance.now() - startedAt };
    } catch (error) {
      if (error instanceof OutboundRefused) throw error;
      throw end.signal.aborted ? end.signal.reason : failureOf(error as NodeJS.ErrnoException);
    } finally {
      clearTimeout(timer);
      asked.signal?.removeEventListener('abort', abort);
    }
  }

  /** Drops all connections; requests under way fail. */
  close(): void {
    this.http.destroy();
    this.https.destroy();
  }

  private async exchange(asked: OutboundRequest, signal: AbortSignal): Promise<Omit<OutboundAnswer, 'ms'>> {
    signal.throwIfAborted();
    const request = this.send(asked, signal);
    request.on('error', () => undefined); // what comes after the answer began; the body ends with an error too
    request.end(asked.body);
    const response = await responseOf(request);
    const content = await readBody(response, asked.maxBytes);
    signal.throwIfAborted(); // a body without a length looks whole when we hang up in the middle of it
    const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
    return { status: response.statusCode ?? 0, headers: Object.fromEntries(headers), ...content };
  }

  private send({ method, url, headers }: OutboundRequest, signal: AbortSignal): ClientRequest {
    const { protocol, hostname, port, pathname, search } = new URL(url);
    const options = {
      method,
      headers,
      signal,
      host: hostOf(hostname),
      port,
      path: pathname + search,
      maxHeaderSize: MAX_HEADER_BYTES,
      insecureHTTPParser: false,
    };
    return protocol === 'https:'
      ? sendHttps({ ...options, agent: this.https })
      : sendHttp({ ...options, agent: this.http });
  }
}

/** Rejects on `close`, too: an answer 101 that was not asked for ends without an error. */
async function responseOf(request: ClientRequest): Promise<IncomingMessage> {
  const closed = new AbortController();
  request.once('close', () => {
    closed.abort();
  });
  const [response] = (await once(request, 'response', { signal: closed.signal })) as [IncomingMessage];
  return response;
}

async function readBody(response: IncomingMessage, maxBytes: number) {
  const decoder = new StringDecoder('utf8');
  let body = '';
  let left = maxBytes;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    body += decoder.write(chunk.subarray(0, left));
    // Leaving the loop closes the connection. A character cut in two is left out.
    if (chunk.length > left) return { body, truncated: true };
    left -= chunk.length;
  }
  return { body: body + decoder.end(), truncated: false };
}
