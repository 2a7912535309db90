import { decodeG711, encodeG711 } from '../../../src/lib/audio/g711.js';
import { parseWav } from '../../../src/lib/audio/wav.js';
import { createSpeechToText } from '../../../src/voice/providers/providers.js';
import { FakeVendors } from '../../fakes/fake-vendors.js';
import { readMultipart } from '../../fakes/multipart.js';
import { joined, silence } from '../../support/audio.js';
import { HttpDouble } from '../../support/http-double.js';
import { failureOf, neverAborted, UTTERANCE } from './asks.js';

const SAID = 'I would like to change my appointment, please.';

describe.each(['openai', 'deepgram'])('transcription by %s', (kind) => {
  let vendors: FakeVendors;

  beforeAll(async () => {
    vendors = await FakeVendors.start({ apiKey: 'key-1', hears: (ms) => `something of ${ms} ms` });
  });

  afterAll(() => vendors.close());

  const speechToText = () => createSpeechToText({ kind, baseUrl: vendors.url, apiKey: 'key-1', model: 'm-1' });
  const hear = (utterance: Int16Array, language?: string) =>
    speechToText().transcribe(utterance, { language, signal: neverAborted() });

  it('transcribes speech', async () => {
    const said = await vendors.voices.sayOnLine(SAID);
    const onLine = decodeG711('PCMU', encodeG711('PCMU', joined(silence(0.4), said, silence(0.6))));
    await expect(hear(onLine)).resolves.toEqual({ text: SAID, seconds: onLine.length / 8_000 });
  });

  it('transcribes other sounds as something', async () => {
    await expect(hear(UTTERANCE)).resolves.toEqual({ text: 'something of 3000 ms', seconds: 3 });
  });

  it('makes no request for empty audio', async () => {
    const before = vendors.requests.length;
    await expect(hear(new Int16Array(0))).resolves.toEqual({ text: '', seconds: 0 });
    expect(vendors.requests).toHaveLength(before);
  });
});

describe('OpenAI-compatible transcription', () => {
  let server: HttpDouble;

  beforeEach(async () => {
    server = await HttpDouble.start();
  });

  afterEach(() => server.close());

  const hear = (language?: string) =>
    createSpeechToText({ kind: 'openai', baseUrl: server.url, model: 'm-1' }).transcribe(UTTERANCE, {
      language,
      signal: neverAborted(),
    });
  const sends = (body: string) => {
    server.answer = (_, response) => response.end(body);
  };

  it('sends a WAV file', async () => {
    sends('{"text":" Hello \\n"}');
    await expect(hear('en-GB')).resolves.toEqual({ text: 'Hello', seconds: 3 });
    const [{ path, headers, body }] = server.asked as [HttpDouble['asked'][0]];
    expect(path).toBe('/audio/transcriptions');
    expect(headers).not.toHaveProperty('authorization');
    expect(body.toString('latin1')).toContain('filename="utterance.wav"\r\nContent-Type: audio/wav\r\n');
    const form = readMultipart(body, headers['content-type']!);
    const { sampleRate, channels } = parseWav(form.get('file')!);
    expect(sampleRate).toBe(8_000);
    expect(channels).toEqual([UTTERANCE]);
    expect(['model', 'response_format', 'language'].map((name) => form.get(name)?.toString())).toEqual([
      'm-1',
      'json',
      'en',
    ]);
  });

  it.each([undefined, 'x', 'nonsense', ''])('omits a language that is not valid: %j', async (language) => {
    sends('{"text":""}');
    await expect(hear(language)).resolves.toEqual({ text: '', seconds: 3 });
    expect(server.asked[0]?.body.toString('latin1')).not.toContain('name="language"');
  });

  it.each([
    ['{"text":"a","usage":{"type":"duration","seconds":4}}', 4],
    ['{"text":"a","usage":{"type":"tokens","total_tokens":4}}', 3],
    ['{"text":"a","usage":{"seconds":-1}}', 3],
  ])('takes what is billed from %s', async (body, seconds) => {
    sends(body);
    await expect(hear()).resolves.toEqual({ text: 'a', seconds });
  });

  it.each(['', 'Hello', '{}', '[]', 'null', '{"text":1}', '{"text":"a'])('fails for %j', async (body) => {
    sends(body);
    expect((await failureOf(hear())).fault).toBe('unavailable');
  });

  it('fails for an answer that is too long', async () => {
    sends(`{"text":"${'a'.repeat(1_000_000)}"}`);
    await expect(hear()).rejects.toThrow('more than 1000000 bytes');
  });
});

describe('a transcription stream of Deepgram', () => {
  let vendors: FakeVendors;

  beforeEach(async () => {
    vendors = await FakeVendors.start();
  });

  afterEach(() => vendors.close());

  const listen = (signal = neverAborted(), language?: string) =>
    createSpeechToText({ kind: 'deepgram', baseUrl: vendors.url, apiKey: 'key-1' }).stream!({ language, signal });

  it('takes frames before and after it is connected', async () => {
    const said = await vendors.voices.sayOnLine(SAID);
    const listening = listen(undefined, 'en-GB');
    for (let at = 0; at < said.length; at += 160) {
      listening.write(said.subarray(at, at + 160));
      if (at === 1_600) await vendors.until(({ requests }) => requests.length === 1);
    }
    const finished = listening.finish();
    expect(listening.finish()).toBe(finished);
    listening.write(said);
    await expect(finished).resolves.toEqual({ text: SAID, seconds: said.length / 8_000 });
    const { path, headers } = vendors.requests[0]!;
    expect(headers.authorization).toBe('Token key-1');
    expect(Object.fromEntries(new URL(path, vendors.url).searchParams)).toEqual({
      model: 'nova-3',
      encoding: 'linear16',
      sample_rate: '8000',
      channels: '1',
      interim_results: 'true',
      smart_format: 'true',
      endpointing: 'false',
      language: 'en-GB',
    });
    await vendors.until(({ sockets }) => sockets.size === 0);
  });

  it('has an empty transcript for empty audio', async () => {
    await expect(listen().finish()).resolves.toEqual({ text: '', seconds: 0 });
  });

  it('can be aborted before its end', async () => {
    const controller = new AbortController();
    const listening = listen(controller.signal);
    listening.write(UTTERANCE);
    await vendors.until(({ begun }) => begun === 1);
    controller.abort(new Error('given up'));
    await vendors.until(({ sockets }) => sockets.size === 0);
    listening.write(UTTERANCE);
    await expect(listening.finish()).rejects.toBe(controller.signal.reason);
  });

  it('fails at its end for a fault before', async () => {
    vendors.faults.add('listen', { kind: 'status', status: 401 });
    const listening = listen();
    await vendors.until(({ requests, sockets }) => requests.length === 1 && sockets.size === 0);
    expect((await failureOf(listening.finish())).fault).toBe('denied');
  });

  it('keeps a minute of audio at most for a server that does not take it', async () => {
    vendors.faults.add('listen', { kind: 'stall' });
    const listening = listen();
    for (let second = 0; second <= 60; second++) listening.write(new Int16Array(8_000));
    expect((await failureOf(listening.finish())).fault).toBe('timeout');
  });
});
