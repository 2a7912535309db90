import { decodeG711, encodeG711 } from '../../src/lib/audio/g711.js';
import { joined, silence, speech } from '../support/audio.js';
import { Faults } from './faults.js';
import { hasFlite, Voices } from './voices.js';
import { FakeVendors } from './fake-vendors.js';

const TEXTS = [
  'Hello, this is Ann.',
  'Could you call me back tomorrow?',
  'I would like to change my appointment, please.',
  'No, thank you. Goodbye!',
  'Yes.',
];

/** Only where it is installed. */
const kinds: ('synthetic' | 'flite')[] = (await hasFlite()) ? ['synthetic', 'flite'] : ['synthetic'];

describe.each(kinds)('a %s voice', (kind) => {
  const voices = new Voices(kind);

  beforeAll(async () => {
    for (const text of TEXTS) await voices.say(text);
  });

  it('says the same in the same way', async () => {
    expect(await new Voices(kind).say('Hello')).toEqual(await voices.say('Hello'));
    expect(await voices.say('Hello')).not.toEqual(await voices.say('Goodbye'));
  });

  it.each(TEXTS)('is recognized on a bad line: %s', async (text) => {
    const said = await voices.sayOnLine(text);
    // Begins between two frames, its first 25 ms are lost, it is quieter, and there is noise.
    const part = said.subarray(160 + 37).map((sample) => sample / 2);
    const noisy = joined(silence(0.31), part, silence(0.7)).map((sample, i) => sample + ((i * 7_919) % 101) - 50);
    expect(voices.recognize(decodeG711('PCMA', encodeG711('PCMA', noisy)))).toBe(text);
  });

  it('is not recognized in other sounds', async () => {
    const other = await new Voices(kind).sayOnLine('Somebody else says something else here.');
    for (const sound of [silence(2), silence(0), speech(2, 99), other]) expect(voices.recognize(sound)).toBeUndefined();
  });
});

describe('faults', () => {
  it('come one each, then what lasts', () => {
    const faults = new Faults();
    faults.always('chat', { kind: 'stall' });
    faults.add('chat', { kind: 'half' }, 2);
    expect([1, 2, 3, 4].map(() => faults.take('chat')?.kind)).toEqual(['half', 'half', 'stall', 'stall']);
    expect(faults.take('speech')).toBeUndefined();
    faults.clear();
    expect(faults.take('chat')).toBeUndefined();
  });
});

describe('the laboratory', () => {
  let lab: FakeVendors;

  beforeAll(async () => {
    lab = await FakeVendors.start({ apiKey: 'key-1' });
  });

  afterAll(() => lab.close());

  const ask = (path: string, body: unknown, key = 'key-1', method = 'POST') =>
    fetch(`${lab.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
      ...(method === 'POST' && { body: JSON.stringify(body) }),
    });

  it('answers without streaming as well', async () => {
    const response = await ask('/chat/completions', { model: 'm', messages: [{ role: 'user', content: 'Hello' }] });
    expect(await response.json()).toMatchObject({
      choices: [
        { message: { role: 'assistant', content: expect.stringContaining('Hello there') }, finish_reason: 'stop' },
      ],
    });
  });

  it.each([
    ['another key', '/chat/completions', {}, 'other', 'POST', 401],
    ['a request without sense', '/chat/completions', {}, 'key-1', 'POST', 400],
    ['speech without text', '/audio/speech', {}, 'key-1', 'POST', 400],
    ['another path', '/embeddings', {}, 'key-1', 'POST', 404],
    ['another method', '/chat/completions', {}, 'key-1', 'GET', 404],
  ])('refuses %s', async (_, path, body, key, method, status) => {
    const response = await ask(path, body, key, method);
    await response.text();
    expect(response.status).toBe(status);
  });
});
