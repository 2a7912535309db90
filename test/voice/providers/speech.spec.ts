import { resample } from '../../../src/lib/audio/resampler.js';
import { createTextToSpeech } from '../../../src/voice/providers/providers.js';
import { partsOf } from '../../../src/voice/providers/deepgram/deepgram-speech.js';
import { FakeVendors } from '../../fakes/fake-vendors.js';
import { joined } from '../../support/audio.js';
import { HttpDouble } from '../../support/http-double.js';
import { pcmBytes, tone, wavFile } from '../../support/wav.js';
import { all, failureOf, neverAborted } from './asks.js';

const given = (voice?: string) => ({ voice, language: undefined, signal: neverAborted() });

describe.each([
  ['openai', '/v1/audio/speech'],
  ['deepgram', '/v1/speak'],
])('speech by %s', (kind, path) => {
  let vendors: FakeVendors;

  beforeAll(async () => {
    vendors = await FakeVendors.start({ apiKey: 'key-1' });
  });

  afterAll(() => vendors.close());

  const textToSpeech = () => createTextToSpeech({ kind, baseUrl: vendors.url, apiKey: 'key-1', voice: 'own' });

  it('comes at 8 kHz and has the words of the request', async () => {
    const pieces = await all(textToSpeech().synthesize('Good morning, Zoë.', given()));
    expect(joined(...pieces)).toEqual(await vendors.voices.sayOnLine('Good morning, Zoë.'));
    expect(vendors.requests.at(-1)?.path).toContain(path);
  });

  it('has the voice of the request, else of the settings', async () => {
    await all(textToSpeech().synthesize('Hello', given('other')));
    await all(textToSpeech().synthesize('Hello', given()));
    const asked = vendors.requests.slice(-2).map(({ path: url, body }) => `${url} ${body.toString()}`);
    expect(asked[0]).toContain('other');
    expect(asked[1]).toContain('own');
  });

  it('reuses its connection', async () => {
    for (let i = 0; i < 10; i++) await all(textToSpeech().synthesize('Hello', given()));
    expect(vendors.connections).toBe(1);
  });

  it('streams, and is closed when the caller stops reading', async () => {
    const own = await FakeVendors.start();
    own.faults.always(kind === 'openai' ? 'speech' : 'speak', { kind: 'stall_midway' });
    for await (const piece of createTextToSpeech({ kind, baseUrl: own.url }).synthesize('Hello there', given())) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    await own.until(({ sockets }) => sockets.size === 0);
    await own.close();
  });
});

describe('speech by servers of other behaviour', () => {
  let server: HttpDouble;
  const samples = Int16Array.from(tone(440, 16_000, 0.2));
  const expected = resample(samples, 16_000, 8_000);

  beforeEach(async () => {
    server = await HttpDouble.start();
  });

  afterEach(() => server.close());

  const sends = (type: string | undefined, body: Buffer) => {
    server.answer = (_, response) =>
      response.writeHead(200, type === undefined ? {} : { 'content-type': type }).end(body);
  };
  const say = async () =>
    joined(...(await all(createTextToSpeech({ kind: 'openai', baseUrl: server.url }).synthesize('Hello', given()))));

  it.each([
    ['a WAV file', 'audio/wav', wavFile(pcmBytes(samples), { rate: 16_000 })],
    ['a WAV file that says it was PCM', 'audio/pcm', wavFile(pcmBytes(samples), { rate: 16_000 })],
    ['another rate, where it says so', 'audio/pcm; rate=16000', pcmBytes(samples)],
  ])('takes %s', async (_, type, body) => {
    sends(type, body);
    expect(await say()).toEqual(expected);
  });

  it('accepts bytes without a content type', async () => {
    sends(undefined, pcmBytes(tone(440, 24_000, 0.1)));
    expect(await say()).toHaveLength(800);
  });

  it.each([
    ['JSON', 'application/json', Buffer.from('{"error":"sk-secret"}')],
    ['a page', 'text/html', Buffer.from('<html>sk-secret')],
    ['MP3', 'audio/mpeg', Buffer.alloc(1_000, 0xff)],
    ['nothing', 'audio/pcm', Buffer.alloc(0)],
    ['half a sample', 'audio/pcm', Buffer.alloc(1)],
    ['a WAV file without samples', 'audio/wav', wavFile(Buffer.alloc(0))],
    ['a WAV file that cannot be read', 'audio/wav', wavFile(Buffer.alloc(100), { encoding: 'float32' })],
  ])('refuses %s', async (_, type, body) => {
    sends(type, body);
    const failure = await failureOf(say());
    expect(failure.fault).toBe('unavailable');
    expect(failure.message).not.toContain('sk-secret');
  });
});

describe('the text of one request to Deepgram', () => {
  it.each([
    ['short', ['short']],
    ['', ['']],
    ['aaa bbb ccc', ['aaa bbb', 'ccc']],
    ['aaaaaaaaaaaaa', ['aaaaaaaa', 'aaaaa']],
    ['a bbbbbbbbbbbb', ['a bbbbbb', 'bbbbbb']],
  ])('%j', (text, parts) => {
    expect(partsOf(text, 8)).toEqual(parts);
  });
});
