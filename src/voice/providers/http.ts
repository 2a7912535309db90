import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { ProviderError } from '../ports.js';
import { type Exchange } from './exchange.js';

export interface Post {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string | Buffer;
}

/** Between two turns of a conversation a connection stays open for so long; another one would cost 100 ms and more. */
const IDLE_MS = 60_000;
// Not `fetch`: it lets go of idle connections after 4 s, opens a spare one for each that is given up, and its streams
// take several times the processor.
const KEEP = { keepAlive: true, timeout: IDLE_MS, maxFreeSockets: 64 };
const AGENTS = { http: new HttpAgent(KEEP), https: new HttpsAgent(KEEP) };

/**
 * Posts, and returns when the headers of a good answer are there. Redirects are not followed: they would carry the key
 * and what was said elsewhere.
 * @throws ProviderError, or the reason of the caller's signal
 */
export async function post(exchange: Exchange, { url, headers, body }: Post): Promise<IncomingMessage> {
  if (exchange.signal.aborted) throw exchange.failure(undefined);
  const isSecure = url.startsWith('https:');
  const options = {
    method: 'POST',
    agent: isSecure ? AGENTS.https : AGENTS.http,
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

/**
 * The bytes of an answer as they come.
 * @param limit in bytes
 * @throws ProviderError, or the reason of the caller's signal
 */
export async function* bytesOf(exchange: Exchange, response: IncomingMessage, limit: number): AsyncGenerator<Buffer> {
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
