import { once } from 'node:events';
import { Speech, type SpeechOptions } from '../../src/voice/index.js';
import { HttpDouble } from '../support/http-double.js';

const RATE = 24_000;

/** A tone as the server sends it: PCM16, mono, 24 kHz. */
function tone(hz: number, seconds: number): Buffer {
  const pcm = Buffer.alloc(RATE * seconds * 2);
  for (let i = 0; i < pcm.length / 2; i++)
    pcm.writeInt16LE(Math.round(10_000 * Math.sin((2 * Math.PI * hz * i) / RATE)), i * 2);
  return pcm;
}

describe('speech', () => {
  let server: HttpDouble;

  beforeEach(async () => {
    server = await HttpDouble.start();
  });

  afterEach(() => server.close());

  const speech = (options: Partial<SpeechOptions> = {}) =>
    new Speech({ url: `${server.url}/v1`, apiKey: 'key-1', model: 'model-1', voice: 'alloy', ...options });
  const sends = (body: Buffer, type = 'audio/pcm') => {
    server.answer = (_, response) => response.writeHead(200, { 'content-type': type }).end(body);
  };

  it('asks as the API of OpenAI is asked', async () => {
    sends(tone(440, 0.1));
    await speech().say('Hello “Ann”', 'coral');
    expect(server.asked).toHaveLength(1);
    const [{ method, path, headers, body }] = server.asked as [HttpDouble['asked'][0]];
    expect([method, path]).toEqual(['POST', '/v1/audio/speech']);
    expect(headers).toMatchObject({ authorization: 'Bearer key-1', 'content-type': 'application/json' });
    const wanted = { model: 'model-1', input: 'Hello “Ann”', voice: 'coral', response_format: 'pcm' };
    expect(JSON.parse(body.toString())).toEqual(wanted);
  });

  it('has a voice of its own when none is asked for', async () => {
    sends(tone(440, 0.1));
    await speech().say('Hello', undefined);
    expect(JSON.parse(String(server.asked[0]?.body))).toMatchObject({ voice: 'alloy' });
  });

  it('sends no authorization without a key', async () => {
    sends(tone(440, 0.1));
    await speech({ apiKey: undefined }).say('Hello', undefined);
    expect(server.asked[0]?.headers).not.toHaveProperty('authorization');
  });

  it('takes an address with a slash at its end', async () => {
    sends(tone(440, 0.1));
    await speech({ url: `${server.url}/v1/` }).say('Hello', undefined);
    expect(server.asked[0]?.path).toBe('/v1/audio/speech');
  });

  it('returns what was said at 8 kHz', async () => {
    sends(tone(440, 1));
    const pcm = await speech().say('Hello', undefined);
    expect(pcm).toHaveLength(8_000);
    // In the middle, where the resampler has all of its neighbours.
    for (let i = 100; i < 7_900; i++)
      expect(Math.abs((pcm[i] ?? 0) - 10_000 * Math.sin((2 * Math.PI * 440 * i) / 8_000))).toBeLessThan(100);
  });

  it('takes away what 8 kHz cannot hold', async () => {
    sends(tone(6_000, 1));
    const pcm = await speech().say('Hello', undefined);
    expect(Math.max(...pcm.subarray(100, 7_900).map(Math.abs))).toBeLessThan(100);
  });

  it('puts together samples that come in pieces, and leaves out half a sample', async () => {
    const whole = tone(440, 0.1);
    server.answer = (_, response) => {
      response.writeHead(200);
      response.write(whole.subarray(0, 1_001), () =>
        response.end(Buffer.concat([whole.subarray(1_001), Buffer.of(1)])),
      );
    };
    const inPieces = await speech().say('Hello', undefined);
    sends(whole);
    expect(inPieces).toEqual(await speech().say('Hello', undefined));
  });

  it.each([400, 401, 404, 429, 500, 503])(
    'fails when the server answers %d, and does not repeat its text',
    async (status) => {
      server.answer = (_, response) => response.writeHead(status).end('{"error":{"message":"sk-secret"}}');
      await expect(speech().say('Hello', undefined)).rejects.toThrow(`The speech server answered ${status}`);
      expect(server.asked).toHaveLength(1);
    },
  );

  it.each([301, 302, 307, 308])('follows no redirect: %d', async (status) => {
    server.answer = ({ path }, response) => {
      if (path === '/elsewhere') response.end(tone(440, 0.1));
      else response.writeHead(status, { location: '/elsewhere' }).end();
    };
    await expect(speech().say('Hello', undefined)).rejects.toThrow();
    expect(server.asked.map(({ path }) => path)).toEqual(['/v1/audio/speech']);
  });

  it('fails when nothing was said', async () => {
    sends(Buffer.alloc(0));
    await expect(speech().say('Hello', undefined)).rejects.toThrow('sent no speech');
  });

  it.each(['application/json', 'application/problem+json; charset=utf-8', 'text/html'])(
    'plays nobody what is no speech: %s',
    async (type) => {
      sends(Buffer.from('{"error":"overloaded"}'), type);
      await expect(speech().say('Hello', undefined)).rejects.toThrow(`sent ${type} instead of speech`);
    },
  );

  it('plays nobody the header of a WAV file', async () => {
    sends(Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVEfmt '), tone(440, 0.1)]), 'audio/wav');
    await expect(speech().say('Hello', undefined)).rejects.toThrow('a WAV file instead of pcm');
  });

  it('takes five minutes and stops reading what is more', async () => {
    let gone: Promise<unknown> = Promise.resolve();
    server.answer = (_, response) => {
      gone = once(response, 'close');
      const second = Buffer.alloc(RATE * 2);
      const more = (): void => {
        response.write(second, () => {
          if (!response.destroyed) more();
        });
      };
      response.writeHead(200);
      more();
    };
    await expect(speech().say('Hello', undefined)).rejects.toThrow('more than five minutes');
    await gone;
  });

  it('fails when the server says nothing for too long', async () => {
    server.answer = () => undefined;
    await expect(speech({ timeoutMs: 50 }).say('Hello', undefined)).rejects.toThrow(/timeout|aborted/i);
  });

  it('fails when the server stops in the middle', async () => {
    server.answer = (_, response) => response.writeHead(200).write(tone(440, 0.1));
    await expect(speech({ timeoutMs: 200 }).say('Hello', undefined)).rejects.toThrow(/timeout|aborted/i);
  });

  it('fails when the connection breaks off in the middle', async () => {
    server.answer = (_, response) => {
      response.writeHead(200, { 'content-length': '10000' });
      response.write(tone(440, 0.01), () => response.destroy());
    };
    await expect(speech().say('Hello', undefined)).rejects.toThrow();
  });

  it('fails when there is no server', async () => {
    await expect(speech({ url: 'http://127.0.0.1:1/v1' }).say('Hello', undefined)).rejects.toThrow();
  });
});
