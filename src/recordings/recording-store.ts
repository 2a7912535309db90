import { openAsBlob } from 'node:fs';
import { link, mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';
import { type S3Location } from './s3-location.js';

/** Store of finished recordings. Names are `<call id>.wav`. */
export interface RecordingStore {
  /** Copies a file into the store. Idempotent. */
  put(name: string, path: string): Promise<void>;
  /** Does nothing without such a recording. */
  remove(name: string): Promise<void>;
  /** A path of this machine, or a URL that needs no key until `expiresAt`; undefined for a deleted recording. */
  locate(name: string, expiresAt: Date): Promise<{ path: string } | { url: string } | undefined>;
}

/** Recordings in a folder that all processes share. */
export class LocalRecordings implements RecordingStore {
  constructor(private readonly folder: string) {}

  async put(name: string, path: string): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await link(path, join(this.folder, name)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.folder, name), { force: true });
  }

  async locate(name: string): Promise<{ path: string } | undefined> {
    const path = join(this.folder, name);
    return stat(path).then(
      () => ({ path }),
      () => undefined,
    );
  }
}

const UPLOAD_MS = 10 * 60_000;
const REQUEST_MS = 10_000;

/** Recordings in a bucket of any S3-compatible server. */
export class S3Recordings implements RecordingStore {
  private readonly client: AwsClient;

  constructor(private readonly location: S3Location) {
    const { accessKeyId, secretAccessKey, region } = location;
    this.client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries: 2 });
  }

  async put(name: string, path: string): Promise<void> {
    const body = await openAsBlob(path, { type: 'audio/wav' });
    await this.request('PUT', name, UPLOAD_MS, {
      body,
      headers: { 'content-type': 'audio/wav', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
    });
  }

  async remove(name: string): Promise<void> {
    await this.request('DELETE', name, REQUEST_MS);
  }

  async locate(name: string, expiresAt: Date): Promise<{ url: string }> {
    const url = new URL(this.urlOf(name));
    url.searchParams.set('X-Amz-Expires', String(Math.max(1, Math.ceil((expiresAt.getTime() - Date.now()) / 1000))));
    return { url: (await this.client.sign(url, { aws: { signQuery: true } })).url };
  }

  private async request(method: string, name: string, timeoutMs: number, init: RequestInit = {}): Promise<void> {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await this.client.fetch(this.urlOf(name), { ...init, method, signal, redirect: 'error' });
    await response.body?.cancel();
    if (!response.ok && response.status !== 404)
      throw new Error(`The bucket of recordings answered ${response.status} to ${method}`);
    if (response.status === 404 && method !== 'DELETE') throw new Error('The bucket of recordings does not exist');
  }

  private urlOf(name: string): string {
    return `${this.location.baseUrl}/${name}`;
  }
}
