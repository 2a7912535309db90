import { decodeG711, encodeG711 } from '../../../src/platform/audio/index.js';
import { type ToolDefinition } from '../../../src/voice/ports.js';
import { type Conversation, createSpeechToSpeech, type SpeechEvent } from '../../../src/voice/providers/index.js';
import { Lab } from '../../lab/index.js';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { joined } from '../../support/audio.js';
import { failureOf, neverAborted } from './asks.js';

const WEATHER: ToolDefinition = { name: 'weather', description: 'The weather', parameters: { type: 'object' } };

describe('OpenAI Realtime', () => {
  let lab: Lab;
  let conversation: Conversation;
  let events: AsyncIterator<SpeechEvent>;

  beforeEach(async () => {
    lab = await Lab.start({ apiKey: 'key-1' });
    const settings = { kind: 'openai', baseUrl: lab.url, apiKey: 'key-1' };
    const given = { instructions: 'Be nice', tools: [WEATHER], voice: undefined, language: 'en-GB' };
    conversation = createSpeechToSpeech(settings).converse({ ...given, signal: neverAborted() });
    events = conversation.events[Symbol.asyncIterator]();
  });

  afterEach(async () => {
    conversation.close();
    await lab.until(({ sockets }) => sockets.size === 0);
    await lab.close();
  });

  const say = async (text: string) => {
    const pcm = await lab.voices.sayOnLine(text);
    for (let at = 0; at < pcm.length; at += 160) conversation.write(pcm.subarray(at, at + 160));
    conversation.respond(true);
  };
  const turn = async (): Promise<SpeechEvent[]> => {
    const list: SpeechEvent[] = [];
    do list.push((await events.next()).value as SpeechEvent);
    while (list.at(-1)?.type !== 'done');
    return list;
  };
  const audioOf = (list: readonly SpeechEvent[]) => joined(...list.flatMap((e) => (e.type === 'audio' ? [e.pcm] : [])));

  it('hears, and answers in speech', async () => {
    await say('Hello, I am Zoë.');
    const list = await turn();
    expect(list.filter(({ type }) => type !== 'audio')).toEqual([
      { type: 'heard', text: 'Hello, I am Zoë.' },
      { type: 'text', text: 'Hello there! How may I help you today?' },
      { type: 'usage', inputTokens: 16, outputTokens: 10 },
      { type: 'done' },
    ]);
    const said = await lab.voices.sayOnLine('Hello there! How may I help you today?');
    expect(audioOf(list)).toEqual(decodeG711('PCMU', encodeG711('PCMU', said)));
  });

  it('speaks first when it is told to', async () => {
    conversation.respond(false);
    expect((await turn()).map(({ type }) => type)).toContain('audio');
  });

  it('calls a tool, and goes on with its result', async () => {
    await say('How is the weather?');
    const call = (await turn()).find(({ type }) => type === 'tool_call');
    expect(call).toMatchObject({ call: { name: 'weather', arguments: '{"city":"Zürich “West”","days":2}' } });
    conversation.giveResult((call as { call: { id: string } }).call.id, '20 degrees');
    conversation.respond(false);
    expect(await turn()).toContainEqual({ type: 'text', text: expect.stringContaining('It will be sunny') });
  });

  it('can be interrupted, and says nothing more of it', async () => {
    await say('Hello');
    while ((await events.next()).value?.type !== 'audio');
    conversation.interrupt(120);
    const rest = await turn();
    expect(audioOf(rest)).toHaveLength(0);
    await say('Goodbye');
    expect(await turn()).toContainEqual({ type: 'text', text: 'Thank you. Goodbye!' });
  });

  it('ends when it is closed', async () => {
    conversation.close();
    await expect(events.next()).resolves.toEqual({ done: true, value: undefined });
  });
});

describe('a Realtime server that behaves otherwise', () => {
  let server: WebSocketServer;
  let socket: WebSocket;
  let conversation: Conversation;
  const asked: string[] = [];
  const wanted = new Map<string, () => void>();

  beforeEach(async () => {
    asked.length = 0;
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const given = { instructions: 'Be nice', tools: [], voice: undefined, language: undefined, signal: neverAborted() };
    const connected = once(server, 'connection');
    conversation = createSpeechToSpeech({ kind: 'openai', baseUrl }).converse(given);
    [socket] = (await connected) as [WebSocket];
    socket.on('message', (data: Buffer) => {
      const { type } = JSON.parse(data.toString()) as { type: string };
      asked.push(type);
      wanted.get(type)?.();
    });
  });

  afterEach(async () => {
    conversation.close();
    for (const client of server.clients) client.terminate();
    server.close();
    await once(server, 'close');
  });

  const send = (event: object) => {
    socket.send(JSON.stringify(event));
  };
  const arrives = (type: string) => new Promise<void>((resolve) => wanted.set(type, resolve));
  const rest = async () => {
    const list: SpeechEvent[] = [];
    for await (const event of conversation.events) list.push(event);
    return list;
  };

  it.each([
    [{ type: 'error', error: { type: 'invalid_request_error', code: 'x', message: 'sk-secret' } }, 'refused'],
    [{ type: 'error', error: { type: 'server_error', code: null } }, 'unavailable'],
    [{ type: 'error', error: { code: 'rate_limit_exceeded' } }, 'rate_limited'],
    [{ type: 'error' }, 'unavailable'],
    [{ type: 'response.done', response: { status: 'failed' } }, 'unavailable'],
    [
      {
        type: 'response.done',
        response: { status: 'failed', status_details: { error: { code: 'rate_limit_exceeded' } } },
      },
      'rate_limited',
    ],
    [{ type: 'response.function_call_arguments.done', name: 'x' }, 'unavailable'],
    [{ nothing: 1 }, 'unavailable'],
  ])('fails for %j', async (event, fault) => {
    conversation.respond(false);
    send(event);
    const failure = await failureOf(rest());
    expect(failure.fault).toBe(fault);
    expect(failure.message).not.toContain('sk-secret');
  });

  it('may say that there is nothing to cancel', async () => {
    send({ type: 'error', error: { type: 'invalid_request_error', code: 'response_cancel_not_active' } });
    send({ type: 'response.done', response: { status: 'completed' } });
    expect((await conversation.events[Symbol.asyncIterator]().next()).value).toEqual({ type: 'done' });
  });

  it('is asked for the next turn when the interrupted one is over, of which nothing more is told', async () => {
    const cancelled = arrives('response.cancel');
    conversation.respond(false);
    conversation.interrupt(0);
    conversation.respond(true);
    await cancelled;
    const created = arrives('response.create');
    send({ type: 'response.output_audio.delta', item_id: 'a', delta: '////' });
    send({ type: 'response.done', response: { status: 'cancelled' } });
    await created;
    expect(asked).toEqual([
      'session.update',
      'response.create',
      'response.cancel',
      'input_audio_buffer.commit',
      'response.create',
    ]);
    send({ type: 'response.output_audio.delta', item_id: 'b', delta: '/w==' });
    socket.close(1000);
    const told: SpeechEvent[] = [];
    await failureOf(
      (async () => {
        for await (const event of conversation.events) told.push(event);
      })(),
    );
    expect(told).toEqual([{ type: 'done' }, { type: 'audio', pcm: Int16Array.of(0) }]);
  });
});
