import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { decodeG711, encodeG711 } from '../../../src/lib/audio/g711.js';
import {
  type RealtimeEvent,
  type RealtimeResponse,
  type RealtimeSession,
  type ToolDefinition,
} from '../../../src/voice/providers/ports.js';
import { createRealtimeModel } from '../../../src/voice/providers/providers.js';
import { FakeVendors } from '../../fakes/fake-vendors.js';
import { joined } from '../../support/audio.js';
import { all, failureOf, neverAborted } from './asks.js';

const WEATHER: ToolDefinition = { name: 'weather', description: 'The weather', parameters: { type: 'object' } };
const ANY = { mayUseTools: true };
const WITHOUT = { voice: undefined, language: undefined };

describe('OpenAI Realtime', () => {
  let vendors: FakeVendors;
  let session: RealtimeSession;

  beforeEach(async () => {
    vendors = await FakeVendors.start({ apiKey: 'key-1' });
    session = createRealtimeModel({ kind: 'openai', baseUrl: vendors.url, apiKey: 'key-1' }).connect({
      messages: [{ role: 'system', content: 'Be nice' }],
      ...{ tools: [WEATHER], voice: undefined, language: 'en-GB', signal: neverAborted() },
    });
  });

  afterEach(async () => {
    session.close();
    await vendors.until(({ sockets }) => sockets.size === 0);
    await vendors.close();
  });

  const say = async (text: string) => {
    const pcm = await vendors.voices.sayOnLine(text);
    for (let at = 0; at < pcm.length; at += 160) session.write(pcm.subarray(at, at + 160));
    return { heard: session.finish() };
  };
  const audioOf = (list: readonly RealtimeEvent[]) =>
    joined(...list.flatMap((e) => (e.type === 'audio' ? [e.pcm] : [])));
  const textOf = (list: readonly RealtimeEvent[]) => list.flatMap((e) => (e.type === 'text' ? [e.text] : [])).join('');

  it('transcribes speech and answers in speech', async () => {
    const { heard } = await say('Hello, I am Zoë.');
    const list = await all(session.respond(ANY));
    expect(await heard).toBe('Hello, I am Zoë.');
    expect(list.filter(({ type }) => type !== 'audio')).toEqual([
      { type: 'text', text: 'Hello there! How may I help you today?' },
      { type: 'usage', inputTokens: 16, outputTokens: 10 },
    ]);
    const said = await vendors.voices.sayOnLine('Hello there! How may I help you today?');
    expect(audioOf(list)).toEqual(decodeG711('PCMU', encodeG711('PCMU', said)));
  });

  it('speaks first, and exactly the words of its instructions', async () => {
    const list = await all(session.respond({ instructions: 'Say “Good morning, Ann.”', mayUseTools: false }));
    expect(textOf(list)).toBe('Good morning, Ann.');
  });

  it('calls a tool and continues with its result', async () => {
    await say('How is the weather?');
    const call = (await all(session.respond(ANY))).find(({ type }) => type === 'tool_call');
    expect(call).toMatchObject({ call: { name: 'weather', arguments: '{"city":"Zürich “West”","days":2}' } });
    const { id } = (call as { call: { id: string } }).call;
    session.add({ role: 'tool', toolCallId: id, content: '20 degrees' });
    expect(textOf(await all(session.respond(ANY)))).toContain('It will be sunny');
  });

  it('uses no tools when they are not allowed', async () => {
    await say('How is the weather?');
    const list = await all(session.respond({ mayUseTools: false }));
    expect(list.map(({ type }) => type)).not.toContain('tool_call');
  });

  it('answers text', async () => {
    session.add({ role: 'user', content: 'Goodbye' });
    expect(textOf(await all(session.respond(ANY)))).toBe('Thank you. Goodbye!');
  });

  it('says nothing more after an interruption', async () => {
    await say('Hello');
    const reply = session.respond(ANY);
    const list: RealtimeEvent[] = [];
    for await (const event of reply) {
      list.push(event);
      if (event.type === 'audio') reply.truncate(120);
    }
    expect(audioOf(list).length).toBeLessThan(
      (await vendors.voices.sayOnLine('Hello there! How may I help you today?')).length,
    );
    await say('Goodbye');
    expect(textOf(await all(session.respond(ANY)))).toBe('Thank you. Goodbye!');
  });

  it('accepts an interruption after the end', async () => {
    await say('Hello');
    const reply = session.respond(ANY);
    await all(reply);
    // Beyond the end of the audio, with nothing to cancel.
    reply.truncate(1_000_000);
    await say('Goodbye');
    expect(textOf(await all(session.respond(ANY)))).toBe('Thank you. Goodbye!');
  });

  it('makes one turn after another', async () => {
    await say('Hello');
    const [first, second, third] = [1, 2, 3].map(() => session.respond(ANY)) as [
      RealtimeResponse,
      RealtimeResponse,
      RealtimeResponse,
    ];
    second.truncate(0);
    expect(await all(second)).toEqual([]);
    expect(textOf(await all(first))).toContain('Hello there');
    expect(textOf(await all(third))).not.toBe('');
  });

  it('fails all requests after it was closed', async () => {
    const reply = session.respond(ANY);
    session.close();
    await failureOf(all(reply));
    await failureOf(all(session.respond(ANY)));
    await failureOf(session.finish());
  });
});

describe('a Realtime server of other behaviour', () => {
  let server: WebSocketServer;
  let socket: WebSocket;
  let session: RealtimeSession;
  const asked: Record<string, unknown>[] = [];
  const wanted = new Map<string, () => void>();

  beforeEach(async () => {
    asked.length = 0;
    wanted.clear();
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const connected = once(server, 'connection');
    session = createRealtimeModel({ kind: 'openai', baseUrl }).connect({
      messages: [
        { role: 'system', content: 'Be nice' },
        { role: 'user', content: 'How is the weather?' },
        { role: 'assistant', content: '', toolCalls: [{ id: 'call-1', name: 'weather', arguments: '{}' }] },
        { role: 'tool', toolCallId: 'call-1', content: '20 degrees' },
        { role: 'assistant', content: 'It is warm.' },
      ],
      ...{ ...WITHOUT, tools: [], signal: neverAborted() },
    });
    [socket] = (await connected) as [WebSocket];
    socket.on('message', (data: Buffer) => {
      const event = JSON.parse(data.toString()) as { type: string };
      asked.push(event);
      wanted.get(event.type)?.();
    });
  });

  afterEach(async () => {
    session.close();
    for (const client of server.clients) client.terminate();
    server.close();
    await once(server, 'close');
  });

  const send = (event: object) => {
    socket.send(JSON.stringify(event));
  };
  const arrives = (type: string) => new Promise<void>((resolve) => wanted.set(type, resolve));
  const types = () => asked.map(({ type }) => type);

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
    const reply = session.respond(ANY);
    send(event);
    const failure = await failureOf(all(reply));
    expect(failure.fault).toBe(fault);
    expect(failure.message).not.toContain('sk-secret');
  });

  it('gets the conversation so far', async () => {
    const created = arrives('response.create');
    session.respond(ANY);
    await created;
    const said = (role: string, type: string, text: string) => ({ type: 'message', role, content: [{ type, text }] });
    expect(asked[0]).toMatchObject({ type: 'session.update', session: { instructions: 'Be nice' } });
    expect(asked.slice(1, 5).map(({ item }) => item)).toEqual([
      said('user', 'input_text', 'How is the weather?'),
      { type: 'function_call', call_id: 'call-1', name: 'weather', arguments: '{}' },
      { type: 'function_call_output', call_id: 'call-1', output: '20 degrees' },
      said('assistant', 'output_text', 'It is warm.'),
    ]);
  });

  it('may say that there is nothing to cancel, or to truncate', async () => {
    const reply = session.respond(ANY);
    send({ type: 'error', error: { type: 'invalid_request_error', code: 'response_cancel_not_active' } });
    send({ type: 'error', error: { type: 'invalid_request_error', code: 'invalid_value', event_id: 'cut' } });
    send({ type: 'response.done', response: { status: 'completed' } });
    expect(await all(reply)).toEqual([]);
  });

  it('gets the request for the next turn after the end of the interrupted one, whose rest is ignored', async () => {
    const cancelled = arrives('response.cancel');
    const first = session.respond(ANY);
    first.truncate(0);
    void session.finish().catch(() => undefined);
    const second = session.respond(ANY);
    await cancelled;
    const created = arrives('response.create');
    send({ type: 'response.output_audio.delta', item_id: 'a', delta: '////' });
    send({ type: 'response.done', response: { status: 'cancelled' } });
    await created;
    expect(types().slice(5)).toEqual([
      'response.create',
      'response.cancel',
      'input_audio_buffer.commit',
      'response.create',
    ]);
    expect(await all(first)).toEqual([]);
    send({ type: 'response.output_audio.delta', item_id: 'b', delta: '/w==' });
    socket.close(1000);
    const told: RealtimeEvent[] = [];
    await failureOf(
      (async () => {
        for await (const event of second) told.push(event);
      })(),
    );
    expect(told).toEqual([{ type: 'audio', pcm: Int16Array.of(0) }]);
  });

  it('may transcribe in any order, or not at all', async () => {
    const [first, second, third] = [session.finish(), session.finish(), session.finish()];
    for (const item_id of ['a', 'b', 'c']) send({ type: 'input_audio_buffer.committed', item_id });
    const transcription = 'conversation.item.input_audio_transcription';
    send({ type: `${transcription}.completed`, item_id: 'b', transcript: ' Second ' });
    send({ type: `${transcription}.completed`, item_id: 'x', transcript: 'Nobody' });
    send({ type: `${transcription}.failed`, item_id: 'a', error: {} });
    expect(await second).toBe('Second');
    expect(await first).toBeUndefined();
    socket.close(1000);
    await failureOf(third);
  });
});
