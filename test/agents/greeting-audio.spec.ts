import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { AgentsService } from '../../src/agents/agents.service.js';
import { type Answer, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';
import { pcmBytes, tone, wavFile } from '../support/wav.js';

/** The largest upload, in bytes. */
const LIMIT = 25_000_000;

describe("an agent's greeting audio", () => {
  const app = useApp();
  let tenant: Tenant;
  let stranger: Tenant;
  let agentId: string;

  beforeAll(async () => {
    [tenant, stranger] = [await app.tenant(), await app.tenant()];
  });

  beforeEach(async () => {
    agentId = (await agents().create(tenant.organizationId, { agentName: 'Test agent' })).id;
  });

  const agents = () => app.nest.get(AgentsService, { strict: false });
  const greetingOf = async (id: string) => (await agents().forCalls(tenant.organizationId, id)).greetingAudio;
  const path = (id = agentId) => `/v1/agents/${id}/greeting-audio`;
  async function put(
    body: Buffer | ReadableStream,
    {
      id = agentId,
      key = tenant.key,
      type = 'audio/wav',
    }: { id?: string; key?: string | null; type?: string | null } = {},
  ): Promise<Answer> {
    const request: RequestInit & { duplex: 'half' } = {
      method: 'PUT',
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(type === null ? {} : { 'content-type': type }),
      },
      body: body as NonNullable<RequestInit['body']>,
      duplex: 'half',
    };
    const response = await fetch(app.url + path(id), request);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
  }
  const remove = (id = agentId, key = tenant.key) => app.request('DELETE', path(id), { key });
  const hello = wavFile(pcmBytes(tone(440, 8_000, 0.5)));
  const expectNotFound = ({ status, text, body }: Answer, thing = 'Agent') => {
    expect(status).toBe(404);
    const error = `{"code":"not_found","message":"${thing} not found","details":null}`;
    expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
  };
  const expectScope = ({ status, body }: Answer) => {
    expect(status).toBe(403);
    const message = 'API key does not have the required scope: agents:write';
    expect(body.error).toEqual({ code: 'insufficient_scope', message, details: null });
  };
  const expectRefused = async (answer: Answer, status: number, code: string, message: unknown) => {
    expect(answer.status).toBe(status);
    expect(answer.body.error).toMatchObject({ code, message });
    expect(await greetingOf(agentId)).toBeUndefined();
  };
  /** Has what was played at another rate, or on two channels, the same sound? */
  const expectTone = (pcm: Int16Array | undefined, amplitude = 10_000) => {
    expect(pcm).toHaveLength(8_000);
    const expected = tone(440, 8_000, 1, amplitude);
    for (let i = 100; i < 7_900; i++) expect(Math.abs((pcm?.[i] ?? 0) - (expected[i] ?? 0))).toBeLessThan(100);
  };
  /** A raw request, of which a client library would not break off the body. */
  async function raw(headers: string[], write: (socket: Socket) => void): Promise<string> {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => undefined);
    const lines = [`PUT ${path()} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${tenant.key}`, ...headers];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    write(socket);
    await once(socket, 'close');
    return Buffer.concat(chunks).toString();
  }

  describe('PUT /v1/agents/{id}/greeting-audio', () => {
    it('200 says how long it plays, and live calls have it sample for sample', async () => {
      const samples = tone(440, 8_000, 0.5);
      const { status, body } = await put(wavFile(pcmBytes(samples)));
      expect(status).toBe(200);
      expect(body).toEqual({ data: { durationMs: 500 }, requestId: expect.stringMatching(/^req-/) });
      expect(await greetingOf(agentId)).toEqual(Int16Array.from(samples));
    });

    it('200 takes the place of what was there', async () => {
      await put(hello);
      expect((await put(wavFile(pcmBytes([1, 2, 3])))).body.data.durationMs).toBe(0);
      expect(await greetingOf(agentId)).toEqual(Int16Array.of(1, 2, 3));
    });

    it.each([
      ['at 16 kHz', 1, 16_000],
      ['at 44.1 kHz', 1, 44_100],
      ['at 48 kHz', 1, 48_000],
      ['stereo at 8 kHz', 2, 8_000],
      ['stereo at 16 kHz', 2, 16_000],
      ['stereo at 44.1 kHz', 2, 44_100],
    ])('200 for PCM16 %s, which sounds the same', async (_, channels, rate) => {
      const samples = tone(440, rate, 1).flatMap((sample) => Array.from({ length: channels }, () => sample));
      const { status, body } = await put(wavFile(pcmBytes(samples), { channels, rate }));
      expect([status, body.data]).toEqual([200, { durationMs: 1_000 }]);
      expectTone(await greetingOf(agentId));
    });

    it('200 for what is resampled part by part: no seams', async () => {
      const rate = 44_100;
      expect((await put(wavFile(pcmBytes(tone(440, rate, 11.5)), { rate }))).body.data.durationMs).toBe(11_500);
      const pcm = (await greetingOf(agentId)) ?? new Int16Array();
      const expected = tone(440, 8_000, 11.5);
      expect(pcm).toHaveLength(expected.length);
      const differences = expected.map((sample, i) => Math.abs(sample - (pcm[i] ?? 0)));
      expect(Math.max(...differences.slice(100, -100))).toBeLessThan(100);
    });

    it.each([0, 1])('200 for stereo that speaks on channel %d only', async (channel) => {
      const samples = tone(440, 8_000, 1).flatMap((sample) => (channel === 0 ? [sample, 0] : [0, sample]));
      await put(wavFile(pcmBytes(samples), { channels: 2 }));
      expectTone(await greetingOf(agentId), 5_000);
    });

    // The values of codes in ITU-T G.711, tables 1a to 2b.
    it.each([
      ['ulaw', 1, 0x80, 32_124],
      ['ulaw', 1, 0x00, -32_124],
      ['ulaw', 2, 0xff, 0],
      ['alaw', 1, 0xaa, 32_256],
      ['alaw', 1, 0x2a, -32_256],
      ['alaw', 2, 0xd5, 8],
    ] as const)('200 for %s on %d channels: %i is %i', async (encoding, channels, code, sample) => {
      const { status, body } = await put(wavFile(Buffer.alloc(800 * channels, code), { encoding, channels }));
      expect([status, body.data]).toEqual([200, { durationMs: 100 }]);
      expect(await greetingOf(agentId)).toEqual(new Int16Array(800).fill(sample));
    });

    it.each(['audio/x-wav', 'audio/wave', 'audio/vnd.wave', 'Audio/WAV; codecs=1'])('200 as %s', async (type) => {
      expect((await put(hello, { type })).status).toBe(200);
    });

    it('200 for two minutes, and for a header that claims more than there is', async () => {
      expect((await put(wavFile(Buffer.alloc(120 * 16_000)))).body.data.durationMs).toBe(120_000);
      expect((await put(wavFile(Buffer.alloc(1_600), { claims: 4_000_000_000 }))).body.data.durationMs).toBe(100);
    });

    it('200 for a deactivated agent, which can come back', async () => {
      await agents().deactivate(tenant.organizationId, agentId);
      expect((await put(hello)).status).toBe(200);
    });

    it.each([
      ['nothing', Buffer.alloc(0), /cannot be read: not a WAV file/],
      ['garbage', randomBytes(1_000), /cannot be read: not a WAV file/],
      ['an MP3', Buffer.from('ID3\x04\0\0\0\0\0\0'), /cannot be read: not a WAV file/],
      ['half a header', hello.subarray(0, 30), /cannot be read/],
      ['a header alone', hello.subarray(0, 44), /is empty/],
      [
        'floating point',
        wavFile(Buffer.alloc(100), { encoding: 'float32' }),
        /cannot be read: .*format 3 with 32 bits/,
      ],
      ['three channels', wavFile(Buffer.alloc(100), { channels: 3 }), /cannot be read: .*3 channels/],
      // Of a ratio that takes ten times as long to resample: nobody may keep the server busy so.
      ['an unusual rate', wavFile(Buffer.alloc(100), { rate: 47_999 }), /is at 47999 Hz; use one of 8000, .*48000/],
      ['a rate of nothing', wavFile(Buffer.alloc(100), { rate: 0 }), /cannot be read: .*0 Hz/],
      ['a sample more than two minutes', wavFile(Buffer.alloc(120 * 16_000 + 2)), /at most 120 seconds/],
      ['most of an hour', wavFile(Buffer.alloc(LIMIT - 44), { encoding: 'ulaw' }), /at most 120 seconds/],
    ])('400 for %s', async (_, file, message) => {
      await expectRefused(await put(file), 400, 'validation_error', expect.stringMatching(message));
    });

    it.each(['audio/mpeg', 'application/octet-stream', 'application/json', 'multipart/form-data; boundary=x', null])(
      '415 as %s',
      async (type) => {
        const answer = await put(Buffer.from('{}'), { type });
        await expectRefused(answer, 415, 'unsupported_media_type', expect.stringContaining('audio/wav'));
      },
    );

    it('413 for a byte more than the limit, whether its size is said before or not', async () => {
      const message = `The file must have at most ${LIMIT} bytes`;
      const file = Buffer.alloc(LIMIT + 1);
      await expectRefused(await put(file), 413, 'payload_too_large', message);
      await expectRefused(await put(new Blob([file, file]).stream()), 413, 'payload_too_large', message);
    });

    it('413 without reading what is announced as too large', async () => {
      const answer = await raw(['Content-Type: audio/wav', 'Content-Length: 99999999999'], (socket) => {
        socket.once('data', () => socket.end());
      });
      expect(answer).toMatch(/^HTTP\/1.1 413 /);
    });

    it('413 leaves the connection usable, once the rest of the body has come', async () => {
      const answers = await raw(['Content-Type: audio/wav', 'Transfer-Encoding: chunked'], (socket) => {
        const size = 2 * LIMIT;
        socket.write(`${size.toString(16)}\r\n`);
        socket.write(Buffer.alloc(size));
        socket.write('\r\n0\r\n\r\nGET /v1/agents HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      });
      expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 401']);
    });

    it('nothing changes when the body breaks off', async () => {
      await put(hello);
      const before = await greetingOf(agentId);
      const other = wavFile(pcmBytes(tone(880, 8_000, 1)));
      for (const headers of [[`Content-Length: ${other.length}`], ['Transfer-Encoding: chunked']])
        await raw(['Content-Type: audio/wav', ...headers], (socket) => {
          if (headers[0]?.startsWith('Transfer')) socket.write('2000\r\n');
          socket.end(other.subarray(0, 8_000));
        });
      expect(await greetingOf(agentId)).toEqual(before);
      expect((await put(other)).status).toBe(200);
    });

    it("404 is the same for another organization's agent, which keeps its own, and none at all", async () => {
      await put(hello);
      const before = await greetingOf(agentId);
      const file = wavFile(pcmBytes([1, 2, 3]));
      expectNotFound(await put(file, { key: stranger.key }));
      for (const id of [randomUUID(), 'x', "'%20or%201=1"]) expectNotFound(await put(file, { id }));
      expect(await greetingOf(agentId)).toEqual(before);
    });

    it('401 without a key', async () => {
      expect((await put(hello, { key: null })).status).toBe(401);
      expect(await greetingOf(agentId)).toBeUndefined();
    });

    it('403 without the scope', async () => {
      expectScope(await put(hello, { key: await app.key(tenant.organizationId, { scopes: ['agents:read'] }) }));
      expect(await greetingOf(agentId)).toBeUndefined();
    });
  });

  describe('DELETE /v1/agents/{id}/greeting-audio', () => {
    it('200 has the agent, which has no audio any more', async () => {
      await put(hello);
      const { status, body } = await remove();
      expect(status).toBe(200);
      const agent = await app.request('GET', `/v1/agents/${agentId}`, { key: tenant.key });
      expect(body.data).toEqual(agent.body.data);
      expect(await greetingOf(agentId)).toBeUndefined();
    });

    it('404 when there is none', async () => {
      expectNotFound(await remove(), 'Greeting audio');
    });

    it("404 is the same for another organization's agent, which keeps its own, and none at all", async () => {
      await put(hello);
      expectNotFound(await remove(agentId, stranger.key));
      for (const id of [randomUUID(), 'x']) expectNotFound(await remove(id));
      expect(await greetingOf(agentId)).toBeDefined();
    });

    it('403 without the scope', async () => {
      await put(hello);
      expectScope(await remove(agentId, await app.key(tenant.organizationId, { scopes: ['agents:read'] })));
      expect(await greetingOf(agentId)).toBeDefined();
    });
  });

  it('415 at any other path: bodies that are no JSON are taken nowhere else', async () => {
    for (const other of [
      `/v1/agents/${agentId}`,
      `/v1/agents/${agentId}/greeting-audio/x`,
      '/v1/agents/greeting-audio',
    ]) {
      const answer = await app.request('PUT', other, {
        key: tenant.key,
        body: 'RIFF',
        headers: { 'content-type': 'audio/wav' },
      });
      expect([other, answer.status]).toEqual([other, 415]);
    }
  });
});
