import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CallCommands } from '../../src/calls/call-commands.js';
import { recordingPath } from '../../src/calls/recording-signature.js';
import { RecordingLinks } from '../../src/calls/recording-links.js';
import { SecretBox } from '../../src/lib/platform/secret-box.js';
import { type Answer, TestApp, type Tenant } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { temporaryFolder } from '../support/process.js';
import { wavFile } from '../support/wav.js';
import { advanceCall } from '../calls/call-steps.js';

const ELSEWHERE = 'https://media.example.com/recordings/1.wav?token=a%20b';

describe('recordings', () => {
  const data = temporaryFolder();
  const encryptionKey = Buffer.alloc(32, 7);
  let db: TestDatabase;
  let app: TestApp;
  let tenant: Tenant;
  let stranger: Tenant;

  beforeAll(async () => {
    db = await openTestDatabase();
    app = await TestApp.start(db.url, { dataDir: data.path, encryptionKey });
    [tenant, stranger] = [await app.tenant(), await app.tenant()];
  });

  afterAll(async () => {
    await app.close();
    await db.close();
    data.remove();
  });

  const fileOf = (id: string) => join(data.path, 'recordings', `${id}.wav`);
  const say = (id: string, url: string) =>
    app.nest
      .get(CallCommands, { strict: false })
      .execute(id, { type: 'RecordCall', at: new Date().toISOString(), url, durationMs: 1_000 }, {});
  /** An ended call with its own second of audio. */
  async function recordedCall(of = tenant, url?: string): Promise<string> {
    const id = await app.createCall(of);
    await advanceCall(app, id, 'ended');
    mkdirSync(join(data.path, 'recordings'), { recursive: true });
    writeFileSync(fileOf(id), wavFile(randomBytes(32_000), { channels: 2 }));
    await say(id, url ?? RecordingLinks.pathOf(id));
    return id;
  }
  const ask = (id: string, key = tenant.key) => app.request('GET', `/v1/calls/${id}/recording`, { key });
  const get = async (id: string) => (await app.request('GET', `/v1/calls/${id}`, { key: tenant.key })).body.data;
  const follow = (link: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(link, { method, redirect: 'manual', headers });
  const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());
  const linkKey = () => app.nest.get(SecretBox, { strict: false }).keyFor('recording links');
  const signed = (id: string, expiresAt: Date, key = linkKey()) => app.url + recordingPath(key, id, expiresAt);
  const inAnHour = () => new Date(Date.now() + 3_600_000);
  const expectNotFound = ({ status, text, body }: Answer, thing: string) => {
    expect(status).toBe(404);
    const error = `{"code":"not_found","message":"${thing} not found","details":null}`;
    expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
  };
  const followed = (link: string) => app.request('GET', link.slice(app.url.length));

  describe('GET /v1/calls/{id}/recording', () => {
    it('302 leads to a URL that plays without a key', async () => {
      const id = await recordedCall();
      const { status, headers } = await ask(id);
      expect(status).toBe(302);
      const played = await follow(headers.get('location') ?? '');
      expect(played.status).toBe(200);
      expect(await bytesOf(played)).toEqual(readFileSync(fileOf(id)));
    });

    it('302 leads to the URL that another service has reported', async () => {
      const { status, headers } = await ask(await recordedCall(tenant, ELSEWHERE));
      expect([status, headers.get('location')]).toEqual([302, ELSEWHERE]);
    });

    it('404 for a call without a recording, or with a deleted one', async () => {
      expectNotFound(await ask(await app.createCall(tenant)), 'Recording');
      const id = await recordedCall();
      const command = { type: 'DeleteRecording', at: new Date().toISOString() } as const;
      await app.nest.get(CallCommands, { strict: false }).execute(id, command, {});
      expectNotFound(await ask(id), 'Recording');
    });

    it("404 is the same for another organization's call, another environment's, a missing one and a malformed id", async () => {
      const id = await recordedCall();
      expectNotFound(await ask(id, stranger.key), 'Call');
      expectNotFound(await ask(id, await app.key(tenant.organizationId, { environment: 'live' })), 'Call');
      for (const other of [randomUUID(), 'x', '..%2F..%2Fetc%2Fpasswd']) expectNotFound(await ask(other), 'Call');
    });

    it('401 without a key', async () => {
      const answer = await app.request('GET', `/v1/calls/${await recordedCall()}/recording`);
      expect([answer.status, answer.headers.get('location')]).toEqual([401, null]);
    });

    it('403 without the scope', async () => {
      const key = await app.key(tenant.organizationId, { scopes: ['calls:write'] });
      const answer = await ask(await recordedCall(), key);
      expect([answer.status, answer.body.error.code]).toEqual([403, 'insufficient_scope']);
      expect(answer.headers.get('location')).toBeNull();
    });
  });

  describe('the recording of a call', () => {
    it('is a link that a plain GET plays, in the call and in lists', async () => {
      const id = await recordedCall();
      const { body } = await app.request('GET', '/v1/calls?limit=1', { key: tenant.key });
      for (const { recording } of [await get(id), body.data[0]]) {
        expect(recording).toMatch(
          new RegExp(`^${app.url}/recordings/${id}\\.wav\\?expires=\\d+&signature=[\\w-]{43}$`),
        );
        expect((await follow(recording)).status).toBe(200);
      }
    });

    it('is null without a recording', async () => {
      expect((await get(await app.createCall(tenant))).recording).toBeNull();
    });

    it('is the unchanged URL of another service', async () => {
      expect((await get(await recordedCall(tenant, ELSEWHERE))).recording).toBe(ELSEWHERE);
    });

    it('does not sign a path of another call that a service reports for this one', async () => {
      const others = await recordedCall(stranger);
      const id = await recordedCall(tenant, RecordingLinks.pathOf(others));
      expect((await get(id)).recording).toBe(RecordingLinks.pathOf(others));
    });

    it('starts with PUBLIC_URL when that is set', async () => {
      const publicUrl = 'https://calls.example.com/outdial';
      const other = await TestApp.start(db.url, { dataDir: data.path, encryptionKey, publicUrl });
      try {
        const id = await recordedCall();
        const { body } = await other.request('GET', `/v1/calls/${id}`, { key: tenant.key });
        expect(body.data.recording.startsWith(`${publicUrl}/recordings/${id}.wav?`)).toBe(true);
        const path: string = body.data.recording.slice(publicUrl.length);
        // Valid in all processes with the same key.
        for (const { url } of [app, other]) expect((await follow(url + path)).status).toBe(200);
      } finally {
        await other.close();
      }
    });

    it('is valid in this process only without a shared key', async () => {
      const databaseUrl = db.url;
      const start = () => TestApp.start(db.url, { dataDir: data.path, databaseUrl });
      const [one, two] = [await start(), await start()];
      try {
        const id = await recordedCall();
        const { body } = await one.request('GET', `/v1/calls/${id}`, { key: tenant.key });
        const path: string = body.data.recording.slice(one.url.length);
        expect((await follow(one.url + path)).status).toBe(200);
        expect((await follow(two.url + path)).status).toBe(404);
      } finally {
        await Promise.all([one.close(), two.close()]);
      }
    });
  });

  describe('GET /recordings/{id}.wav', () => {
    let id: string;
    let link: string;
    let file: Buffer;

    beforeAll(async () => {
      id = await recordedCall();
      link = (await get(id)).recording;
      file = readFileSync(fileOf(id));
    });

    it('200 is the whole file, with support for ranges, not for shared caches', async () => {
      const response = await follow(link);
      expect(response.status).toBe(200);
      const { headers } = response;
      expect(headers.get('content-type')).toBe('audio/wav');
      expect(headers.get('content-length')).toBe(String(file.length));
      expect(headers.get('accept-ranges')).toBe('bytes');
      expect(headers.get('cache-control')).toContain('private');
      expect(await bytesOf(response)).toEqual(file);
    });

    it('200 for HEAD, without the file', async () => {
      const response = await follow(link, {}, 'HEAD');
      expect([response.status, response.headers.get('content-length')]).toEqual([200, String(file.length)]);
      expect(await bytesOf(response)).toHaveLength(0);
    });

    it('206 is the requested range', async () => {
      for (const [range, from, to] of [
        ['bytes=0-43', 0, 44],
        ['bytes=100-', 100, file.length],
        ['bytes=-10', file.length - 10, file.length],
      ] as const) {
        const response = await follow(link, { range });
        expect(response.status).toBe(206);
        expect(response.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/${file.length}`);
        expect(response.headers.get('content-type')).toBe('audio/wav');
        expect(await bytesOf(response)).toEqual(file.subarray(from, to));
      }
    });

    it('416 for a range beyond the end has the size', async () => {
      const response = await follow(link, { range: `bytes=${file.length}-` });
      expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */${file.length}`]);
      expect(await bytesOf(response)).toHaveLength(0);
    });

    it('200 without a key, and with an invalid one', async () => {
      expect((await follow(link, { authorization: 'Bearer wrong' })).status).toBe(200);
    });

    it('404 is the same for an expired link, a forged one and one of another call', async () => {
      const url = new URL(link);
      const changed = (name: string, value: string) => {
        const other = new URL(url);
        other.searchParams.set(name, value);
        return other.href;
      };
      const without = (name: string) => {
        const other = new URL(url);
        other.searchParams.delete(name);
        return other.href;
      };
      const otherId = await recordedCall();
      for (const bad of [
        signed(id, new Date(Date.now() - 2_000)),
        signed(id, inAnHour(), Buffer.alloc(32)),
        link.replace(id, otherId),
        signed(otherId, inAnHour()).replace(otherId, id),
        changed('expires', String(Number(url.searchParams.get('expires')) + 1)),
        changed('signature', 'x'.repeat(43)),
        changed('signature', ''),
        changed('expires', 'x'),
        without('expires'),
        without('signature'),
        `${link}&expires=1`,
        `${link}&signature=x`,
        link.split('?')[0] ?? '',
      ])
        expectNotFound(await followed(bad), 'Recording');
    });

    it('404 for a malformed call id with a valid signature', async () => {
      for (const name of ['x', '..%2F..%2Fsecret', '..%2Fencryption.key', 'incoming'])
        expectNotFound(await followed(signed(name, inAnHour())), 'Recording');
    });

    it('404 for a deleted recording', async () => {
      const gone = await recordedCall();
      rmSync(fileOf(gone));
      expectNotFound(await followed(signed(gone, inAnHour())), 'Recording');
    });
  });
});
