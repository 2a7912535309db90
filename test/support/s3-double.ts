import { createRequire } from 'node:module';
import { type Asked, HttpDouble } from './http-double.js';

/** Another implementation of AWS Signature Version 4 than the one that signs. It has no types. */
const aws4 = createRequire(import.meta.url)('aws4') as {
  sign(
    request: {
      host: string;
      path: string;
      method: string;
      headers: object;
      service: string;
      region: string;
      signQuery?: boolean;
    },
    credentials: { accessKeyId: string; secretAccessKey: string },
  ): { path: string; headers: { Authorization?: string } };
};

const CREDENTIALS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'se/cr+et' };
const REGION = 'eu-central-1';

/** A bucket of an S3-compatible server: takes what is signed and in time, refuses all else. */
export class S3Double {
  readonly objects = new Map<string, { body: Buffer; type: string | undefined }>();
  /** Statuses to answer the next requests with, whatever they are. */
  readonly failures: number[] = [];

  private constructor(readonly server: HttpDouble) {
    server.answer = (asked, response) => {
      const status = this.failures.shift() ?? (this.isSigned(asked) ? this.serve(asked) : 403);
      const object = asked.method === 'GET' && status === 200 ? this.objects.get(nameOf(asked)) : undefined;
      response.writeHead(status, object?.type ? { 'content-type': object.type } : {}).end(object?.body);
    };
  }

  static async start(): Promise<S3Double> {
    return new S3Double(await HttpDouble.start());
  }

  /** Where it is, as RECORDINGS_URL has it. */
  setting(path = '/bucket/recordings'): string {
    const { accessKeyId, secretAccessKey } = CREDENTIALS;
    const keys = `${encodeURIComponent(accessKeyId)}:${encodeURIComponent(secretAccessKey)}`;
    return `${this.server.url.replace('//', `//${keys}@`)}${path}?region=${REGION}`;
  }

  close(): Promise<void> {
    return this.server.close();
  }

  private serve(asked: Asked): number {
    const name = nameOf(asked);
    if (!name.startsWith('/bucket/')) return 404;
    switch (asked.method) {
      case 'PUT':
        this.objects.set(name, { body: asked.body, type: asked.headers['content-type'] });
        return 200;
      case 'DELETE':
        return this.objects.delete(name) ? 204 : 404;
      case 'GET':
        return this.objects.has(name) ? 200 : 404;
      default:
        return 405;
    }
  }

  private isSigned(asked: Asked): boolean {
    return asked.path.includes('X-Amz-Signature=') ? this.hasSignedQuery(asked) : this.hasSignedHeaders(asked);
  }

  private hasSignedHeaders({ method, path, headers }: Asked): boolean {
    const [, names = ''] = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? [];
    const signed = Object.fromEntries(names.split(';').map((name) => [name, headers[name]]));
    // What a server insists on.
    if (!signed['host'] || !signed['x-amz-date'] || !signed['x-amz-content-sha256']) return false;
    const host = signed['host'] as string;
    const again = aws4.sign({ host, path, method, headers: signed, service: 's3', region: REGION }, CREDENTIALS);
    return again.headers.Authorization === headers.authorization && isNow(String(signed['x-amz-date']), 900);
  }

  private hasSignedQuery({ method, path, headers }: Asked): boolean {
    const url = new URL(path, 'http://localhost');
    const signature = url.searchParams.get('X-Amz-Signature');
    url.searchParams.delete('X-Amz-Signature');
    const { host = '' } = headers;
    const unsigned = url.pathname + url.search;
    const wanted = { host, path: unsigned, method, headers: { host }, service: 's3', region: REGION, signQuery: true };
    const again = new URL(aws4.sign(wanted, CREDENTIALS).path, 'http://localhost').searchParams.get('X-Amz-Signature');
    const expires = Number(url.searchParams.get('X-Amz-Expires'));
    return signature === again && isNow(url.searchParams.get('X-Amz-Date') ?? '', expires);
  }
}

const nameOf = ({ path }: Asked): string => decodeURIComponent(path.split('?')[0] ?? '');

/** Whether a time like 20260405T140000Z is at most so many seconds ago. */
function isNow(date: string, seconds: number): boolean {
  const time = Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
  return Date.now() >= time && Date.now() <= time + seconds * 1_000;
}
