import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { type LookupFunction } from 'node:net';
import { ProviderError } from './ports.js';
import { type ProviderRequest } from './provider-request.js';

export interface PostRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string | Buffer;
  /** The lookup of a guard; it refuses addresses that are not public. */
  lookup?: LookupFunction | undefined;
}

/** Idle time of a connection between two turns of a conversation; a new one would cost 100 ms and more. */
const IDLE_MS = 60_000;
// Not `fetch`: it closes idle connections after 4 s, opens a spare one for each cancelled request, and its streams need
// several times the CPU.
const KEEP = { keepAlive: true, timeout: IDLE_MS, maxFreeSockets: 64 };
const OPEN = agentsOf({});
/** Guards do not share connections with each other or with unguarded requests. */
const GUARDED = new WeakMap<LookupFunction, typeof OPEN>();

/**
 * Posts, and returns with the headers of a 2xx answer. Redirects are not followed: they would carry the key and the
 * conversation elsewhere.
 * @throws ProviderError, or the reason of the caller's signal
 */
export async function post(
  exchange: ProviderRequest,
  { url, headers, body, lookup }: PostRequest,
): Promise<IncomingMessage> {
  if (exchange.signal.aborted) throw exchange.failure(undefined);
  const isSecure = url.startsWith('https:');
  const options = {
    method: 'POST',
    agent: agentsFor(lookup)[isSecure ? 'https' : 'http'],
    headers: { ...headers, 'accept-encoding': 'identity', 'content-length': Buffer.byteLength(body) },
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = isSecure ? httpsRequest(url, options) : httpRequest(url, options);
    // Not the `signal` option of `request`, which throws an uncatchable error after the end of the answer.
    exchange.signal.addEventListener('abort', () => request.destroy(), { once: true });
    request
      .on('response', (answer) => {
        // The reader gets the error; without a reader it has no consequence.
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
 * The bytes of an answer as they arrive.
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

/** The error of an HTTP status other than 2xx. @param retryAfter the header, RFC 9110 section 10.2.3 */
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

/** `{base}/{path}`, with or without a slash at the end of the base. */
export const addressOf = (base: string, path: string): string => `${base.replace(/\/+$/, '')}/${path}`;

export const bearer = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` };
