import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { type LookupFunction } from 'node:net';
import { ProviderError } from './ports.js';
import { type ProviderRequest } from './provider-request.js';

export interface Post {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string | Buffer;
  /** Of a guard, which finds names that may be connected to. */
  lookup?: LookupFunction | undefined;
}

/** Between two turns of a conversation a connection stays open for so long; another one would cost 100 ms and more. */
const IDLE_MS = 60_000;
// Not `fetch`: it lets go of idle connections after 4 s, opens a spare one for each that is given up, and its streams
// take several times the processor.
const KEEP = { keepAlive: true, timeout: IDLE_MS, maxFreeSockets: 64 };
const OPEN = agentsOf({});
/** A connection that one guard has let through, or none has looked at, is never used by those of another. */
const GUARDED = new WeakMap<LookupFunction, typeof OPEN>();

/**
 * Posts, and returns when the headers of a good answer are there. Redirects are not followed: they would carry the key
 * and what was said elsewhere.
 * @throws ProviderError, or the reason of the caller's signal
 */
export async function post(exchange: ProviderRequest, { url, headers, body, lookup }: Post): Promise<IncomingMessage> {
  if (exchange.signal.aborted) throw exchange.failure(undefined);
  const isSecure = url.startsWith('https:');
  const options = {
    method: 'POST',
    agent: agentsFor(lookup)[isSecure ? 'https' : 'http'],
    headers: { ...headers, 'accept-encoding': 'identity', 'content-length': Buffer.byteLength(body) },
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = isSecure ? httpsRequest(url, options) : httpRequest(url, options);
    // Without an error, unlike the option of `request`, which throws it where nobody can catch it once all has come.
    exchange.signal.addEventListener('abort', () => request.destroy(), { once: true });
    request
      .on('response', (answer) => {
        // Whoever reads is told; when nobody does, it is no news.
        answer.on('error', () => undefined);
        resolve(answer);
      })
      .on('error', reject)
      .end(body);
  }).catch((error: unknown) => {
    throw exchange.failure(error);
  });
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  exchange.end();
  throw refusal(exchange.name, status, response.headers['retry-after']);
}

function agentsFor(lookup: LookupFunction | undefined): typeof OPEN {
  if (!lookup) return OPEN;
  const agents = GUARDED.get(lookup) ?? agentsOf({ lookup });
  GUARDED.set(lookup, agents);
  return agents;
}

function agentsOf(options: { lookup?: LookupFunction }) {
  return { http: new HttpAgent({ ...KEEP, ...options }), https: new HttpsAgent({ ...KEEP, ...options }) };
}

/**
 * The bytes of an answer as they come.
 * @param limit in bytes
 * @throws ProviderError, or the reason of the caller's signal
 */
export async function* bytesOf(
  exchange: ProviderRequest,
  response: IncomingMessage,
  limit: number,
): AsyncGenerator<Buffer> {
  let size = 0;
  try {
    for await (const bytes of response as AsyncIterable<Buffer>) {
      size += bytes.length;
      if (size > limit) throw new ProviderError('unavailable', `${exchange.name} sent more than ${limit} bytes`);
      yield bytes;
    }
  } catch (error) {
    throw exchange.failure(error);
  }
}

/** What an HTTP status other than 2xx means. @param retryAfter the header, RFC 9110 section 10.2.3 */
export function refusal(name: string, status: number, retryAfter: string | null | undefined): ProviderError {
  const message = `${name} answered ${status}`;
  const after = retryAfterMs(retryAfter);
  if (status === 429) return new ProviderError('rate_limited', message, after);
  if (status === 401 || status === 403) return new ProviderError('denied', message);
  if (status >= 500 || status === 408 || status < 300) return new ProviderError('unavailable', message, after);
  return new ProviderError('refused', message);
}

/** @returns milliseconds from seconds or an HTTP date, at least 0; undefined for anything else */
export function retryAfterMs(header: string | null | undefined, now = Date.now()): number | undefined {
  if (header == null || header.length > 100) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Math.ceil(Number(header) * 1_000);
  const date = /[a-z]/i.test(header) ? Date.parse(header) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** `{base}/{path}`, however the base ends. */
export const addressOf = (base: string, path: string): string => `${base.replace(/\/+$/, '')}/${path}`;

export const bearer = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` };
