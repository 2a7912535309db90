import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CallCommands } from '../../src/calls/call-commands.js';
import { recordingPath } from '../../src/calls/recording-signature.js';
import { LocalRecordings, S3Recordings } from '../../src/recordings/recording-store.js';
import { RecordingLinks } from '../../src/calls/recording-links.js';
import { Recordings } from '../../src/recordings/recordings.js';
import { parseS3Location, type S3Location } from '../../src/recordings/s3-location.js';
import { SecretBox } from '../../src/lib/platform/secret-box.js';
import { TestApp } from '../support/app.js';
import { openTestDatabase } from '../support/database.js';
import { temporaryFolder } from '../support/process.js';
import { S3Double } from '../support/s3-double.js';

const NAME = '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10.wav';
const OBJECT = `/bucket/recordings/${NAME}`;

describe('the store of recordings', () => {
  let data: ReturnType<typeof temporaryFolder>;
  let file: string;
  let audio: Buffer;

  beforeEach(() => {
    data = temporaryFolder();
    file = join(data.path, 'incoming.wav');
    audio = randomBytes(100_000);
    writeFileSync(file, audio);
  });

  afterEach(() => {
    data.remove();
  });

  const soon = () => new Date(Date.now() + 60_000);

  describe('a folder', () => {
    const store = () => new LocalRecordings(join(data.path, 'kept'));

    it('stores a file, also repeatedly, and keeps the original', async () => {
      await store().put(NAME, file);
      await store().put(NAME, file);
      const found = await store().locate(NAME);
      expect(readFileSync(found?.path ?? '')).toEqual(audio);
      expect(readFileSync(file)).toEqual(audio);
    });

    it('ignores the removal of a missing recording', async () => {
      await store().remove(NAME);
      await store().put(NAME, file);
      await store().remove(NAME);
      await store().remove(NAME);
      expect(await store().locate(NAME)).toBeUndefined();
    });

    it('returns undefined for a missing file', async () => {
      await expect(store().put(NAME, join(data.path, 'none.wav'))).rejects.toThrow('ENOENT');
    });
  });

  describe('a bucket', () => {
    let bucket: S3Double;

    beforeEach(async () => {
      bucket = await S3Double.start();
    });

    afterEach(() => bucket.close());

    const location = (path?: string) => parseS3Location(bucket.setting(path)) as S3Location;
    const store = (changes: Partial<S3Location> = {}) => new S3Recordings({ ...location(), ...changes });
    const methods = () => bucket.server.asked.map(({ method }) => method);

    it('signs uploads as another implementation of the signature expects', async () => {
      await store().put(NAME, file);
      expect(bucket.objects.get(OBJECT)).toEqual({ body: audio, type: 'audio/wav' });
      expect(bucket.server.asked[0]?.headers['content-length']).toBe(String(audio.length));
      expect(readFileSync(file)).toEqual(audio);
    });

    it.each(['/bucket', '/bucket/a/b', '/bucket/with%20space', "/bucket/it's(1)", '/bucket/%C3%A9t%C3%A9'])(
      'signs what it asks for at %s, and the addresses that it gives out',
      async (path) => {
        const there = new S3Recordings(location(path));
        await there.put(NAME, file);
        expect([...bucket.objects.keys()]).toEqual([`${decodeURIComponent(path)}/${NAME}`]);
        expect((await fetch((await there.locate(NAME, soon())).url)).status).toBe(200);
        await there.remove(NAME);
        expect(bucket.objects.size).toBe(0);
      },
    );

    it('returns a URL that plays with a plain GET and has no secret', async () => {
      await store().put(NAME, file);
      const { url } = await store().locate(NAME, soon());
      expect(decodeURIComponent(url)).not.toContain('se/cr+et');
      const response = await fetch(url);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'audio/wav']);
      expect(Buffer.from(await response.arrayBuffer())).toEqual(audio);
    });

    it('returns URLs that expire and read that object only', async () => {
      await store().put(NAME, file);
      const { url } = await store().locate(NAME, new Date(Date.now() + 1_800_000));
      expect(Number(new URL(url).searchParams.get('X-Amz-Expires'))).toBe(1_800);
      expect((await fetch(url, { method: 'DELETE' })).status).toBe(403);
      expect((await fetch(url.replace(NAME, `x${NAME}`))).status).toBe(403);
      expect((await fetch(url.replace('X-Amz-Expires=1800', 'X-Amz-Expires=9999'))).status).toBe(403);
      expect(bucket.objects.size).toBe(1);
    });

    it('never returns a URL that the server refuses for its expiry', async () => {
      const { url } = await store().locate(NAME, new Date(0));
      expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('1');
    });

    it('stores a file repeatedly, and ignores the removal of a missing one', async () => {
      for (let n = 0; n < 2; n++) await store().put(NAME, file);
      for (let n = 0; n < 2; n++) await store().remove(NAME);
      expect([methods(), bucket.objects.size]).toEqual([['PUT', 'PUT', 'DELETE', 'DELETE'], 0]);
    });

    it('retries a failed upload with the whole file', async () => {
      bucket.failures.push(503, 429);
      await store().put(NAME, file);
      expect(bucket.objects.get(OBJECT)?.body).toEqual(audio);
      expect(bucket.server.asked.map(({ body }) => body.length)).toEqual([audio.length, audio.length, audio.length]);
    });

    it('fails when all retries fail', async () => {
      bucket.failures.push(500, 500, 500);
      await expect(store().put(NAME, file)).rejects.toThrow('answered 500 to PUT');
    });

    it.each([
      ['another secret', { secretAccessKey: 'other' }],
      ['another region', { region: 'us-east-1' }],
    ])('fails with %s', async (_, changes) => {
      await expect(store(changes).put(NAME, file)).rejects.toThrow('answered 403 to PUT');
      await expect(store(changes).remove(NAME)).rejects.toThrow('answered 403 to DELETE');
      expect((await fetch((await store(changes).locate(NAME, soon())).url)).status).toBe(403);
    });

    it('fails without the bucket', async () => {
      await expect(new S3Recordings(location('/other')).put(NAME, file)).rejects.toThrow('does not exist');
    });

    it('follows no redirect', async () => {
      bucket.server.answer = ({ path }, response) => {
        response.writeHead(path === '/elsewhere' ? 200 : 307, { location: '/elsewhere' }).end();
      };
      await expect(store().put(NAME, file)).rejects.toThrow();
      expect(bucket.server.asked).toHaveLength(1);
    });

    it('plays the recording of a call: with a key, then the signed link, then the bucket', async () => {
      const db = await openTestDatabase();
      const app = await TestApp.start(db.url, { dataDir: data.path, recordingsUrl: location() });
      try {
        const tenant = await app.tenant();
        const id = await app.createCall(tenant);
        await app.nest.get(Recordings, { strict: false }).store.put(`${id}.wav`, file);
        const command = { type: 'RecordCall', at: new Date().toISOString(), url: RecordingLinks.pathOf(id) } as const;
        await app.nest.get(CallCommands, { strict: false }).execute(id, command, {});
        const { body } = await app.request('GET', `/v1/calls/${id}`, { key: tenant.key });
        expect(body.data.recording.startsWith(`${app.url}/recordings/`)).toBe(true);
        const headers = { authorization: `Bearer ${tenant.key}` };
        for (const response of [
          await fetch(body.data.recording),
          await fetch(`${app.url}/v1/calls/${id}/recording`, { headers }),
        ]) {
          expect(response.status).toBe(200);
          expect(Buffer.from(await response.arrayBuffer())).toEqual(audio);
        }
        // The URL of the bucket expires with the link.
        const key = app.nest.get(SecretBox, { strict: false }).keyFor('recording links');
        const link = app.url + recordingPath(key, id, new Date(Date.now() + 60_000));
        const { headers: led } = await fetch(link, { redirect: 'manual' });
        const expires = new URL(led.get('location') ?? '').searchParams.get('X-Amz-Expires');
        expect(Number(expires)).toBeLessThanOrEqual(60);
      } finally {
        await app.close();
        await db.close();
      }
    });
  });

  it('is a folder for its user only', async () => {
    const folder = join(data.path, 'kept');
    await new LocalRecordings(folder).put(NAME, file);
    expect(statSync(folder).mode & 0o077).toBe(0);
  });
});
