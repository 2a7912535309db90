import { jest } from '@jest/globals';
import { once } from 'node:events';
import { type ServerResponse } from 'node:http';
import { type ModelMessage, type ToolDefinition } from '../../../src/voice/providers/ports.js';
import { ProviderRequest } from '../../../src/voice/providers/provider-request.js';
import { createLanguageModel } from '../../../src/voice/providers/providers.js';
import { FakeVendors } from '../../fakes/fake-vendors.js';
import { HttpDouble } from '../../support/http-double.js';
import { all, failureOf, neverAborted, think } from './asks.js';

const WEATHER: ToolDefinition = { name: 'weather', description: 'The weather', parameters: { type: 'object' } };
const LONG = { firstMs: 60_000, nextMs: 60_000 };

describe('OpenAI-compatible chat', () => {
  let vendors: FakeVendors;

  beforeAll(async () => {
    vendors = await FakeVendors.start({ apiKey: 'key-1' });
  });

  afterAll(() => vendors.close());

  const respond = (messages: readonly ModelMessage[], tools: readonly ToolDefinition[] = [], temperature?: number) =>
    all(
      createLanguageModel({ kind: 'openai', baseUrl: `${vendors.url}/`, apiKey: 'key-1', model: 'm-1' }).respond({
        messages,
        tools,
        temperature,
        signal: neverAborted(),
      }),
    );

  it('answers word by word and reports usage', async () => {
    expect(await respond([{ role: 'user', content: 'Hello!' }])).toEqual([
      ...['Hello ', 'there! ', 'How ', 'may ', 'I ', 'help ', 'you ', 'today?'].map((text) => ({ type: 'text', text })),
      { type: 'usage', inputTokens: 2, outputTokens: 10 },
    ]);
  });

  it('calls a tool, gets its result and continues', async () => {
    const question: ModelMessage = { role: 'user', content: 'How is the weather?' };
    const [event] = await respond([question], [WEATHER]);
    const call = { id: 'call_1_0', name: 'weather', arguments: '{"city":"Zürich “West”","days":2}' };
    expect(event).toEqual({ type: 'tool_call', call });
    const answer = await respond(
      [
        { role: 'system', content: 'Be nice' },
        question,
        { role: 'assistant', content: '', toolCalls: [call] },
        { role: 'tool', toolCallId: 'call_1_0', content: '20 degrees' },
      ],
      [WEATHER],
      0.3,
    );
    expect(answer.map((each) => (each.type === 'text' ? each.text : '')).join('')).toContain('It will be sunny –');
    const { headers, path, body } = vendors.requests.at(-1)!;
    expect([path, headers.authorization]).toEqual(['/v1/chat/completions', 'Bearer key-1']);
    expect(JSON.parse(body.toString())).toEqual({
      model: 'm-1',
      messages: [
        { role: 'system', content: 'Be nice' },
        { role: 'user', content: 'How is the weather?' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1_0', type: 'function', function: { name: 'weather', arguments: call.arguments } }],
        },
        { role: 'tool', tool_call_id: 'call_1_0', content: '20 degrees' },
      ],
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.3,
      tools: [{ type: 'function', function: WEATHER }],
    });
  });

  it('reuses its connection', async () => {
    const before = vendors.connections;
    for (let i = 0; i < 10; i++) await respond([{ role: 'user', content: 'Hello!' }]);
    expect(vendors.connections).toBe(before);
  });

  it('reuses its connection when the caller aborts after the end', async () => {
    const before = vendors.connections;
    for (let i = 0; i < 10; i++) {
      const controller = new AbortController();
      await all(think({ baseUrl: vendors.url, apiKey: 'key-1', signal: controller.signal }));
      controller.abort();
    }
    expect(vendors.connections).toBe(before);
  });

  it('is closed when the caller stops reading', async () => {
    const own = await FakeVendors.start();
    own.faults.always('chat', { kind: 'stall_midway' });
    for await (const event of think({ baseUrl: own.url, timeouts: LONG })) {
      expect(event).toEqual({ type: 'text', text: 'Hello ' });
      break;
    }
    await own.until(({ sockets }) => sockets.size === 0);
    await own.close();
  });

  it('emits no tool call of a reply that broke off', async () => {
    vendors.faults.add('chat', { kind: 'closed_midway' });
    const told: unknown[] = [];
    const run = async () => {
      const model = createLanguageModel({ kind: 'openai', baseUrl: vendors.url, apiKey: 'key-1' }, LONG);
      const messages: ModelMessage[] = [{ role: 'user', content: 'weather' }];
      const given = { messages, tools: [WEATHER], temperature: undefined, signal: neverAborted() };
      for await (const event of model.respond(given)) told.push(event);
    };
    expect((await failureOf(run())).fault).toBe('unavailable');
    expect(told).toEqual([]);
  });
});

describe('chat with servers of other behaviour', () => {
  let server: HttpDouble;

  beforeEach(async () => {
    server = await HttpDouble.start();
  });

  afterEach(() => server.close());

  const sends = (...pieces: string[]) => {
    server.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const piece of pieces) response.write(piece);
      response.end();
    };
  };
  const ask = (timeouts = LONG) => all(think({ baseUrl: server.url, timeouts }));
  const chunk = (content: string, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ delta: { content }, finish_reason }] })}`;

  it('accepts an end without [DONE]', async () => {
    sends(`${chunk('Hi')}\n\n`, chunk('', 'stop'));
    await expect(ask()).resolves.toEqual([{ type: 'text', text: 'Hi' }]);
  });

  it('accepts comments and CRLF, and ignores what follows [DONE]', async () => {
    sends(': processing\r\n\r\n', `${chunk('Hi')}\r\n\r\ndata: [DONE]\r\n\r\n${chunk('no')}\r\n\r\n`);
    await expect(ask()).resolves.toEqual([{ type: 'text', text: 'Hi' }]);
  });

  it('does not wait for a server that does not close after [DONE], nor keeps the connection', async () => {
    let answering: ServerResponse | undefined;
    server.answer = (_, response) => {
      answering = response;
      response.writeHead(200).write(`${chunk('Hi')}\n\ndata: [DONE]\n\n`);
    };
    await expect(ask()).resolves.toEqual([{ type: 'text', text: 'Hi' }]);
    await once(answering!, 'close');
  });

  it('times out while only comments come', async () => {
    server.answer = (_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(': still here\n\n'), 5);
      response.on('close', () => {
        clearInterval(timer);
      });
    };
    expect((await failureOf(ask({ firstMs: 50, nextMs: 50 }))).fault).toBe('timeout');
  });

  it('does not time out while the caller does not read', async () => {
    const expecting = jest.spyOn(ProviderRequest.prototype, 'expect');
    const resting = jest.spyOn(ProviderRequest.prototype, 'rest');
    const last = ({ mock }: typeof expecting | typeof resting) => mock.invocationCallOrder.at(-1) ?? 0;
    sends(`${chunk('One')}\n\n`, `${chunk('Two', 'stop')}\n\n`);
    for await (const _ of think({ baseUrl: server.url, timeouts: LONG }))
      expect(last(resting)).toBeGreaterThan(last(expecting));
    expect(expecting).toHaveBeenCalled();
    jest.restoreAllMocks();
  });

  it.each([
    ['nothing', ''],
    ['a web page', '<html><body>Hello</body></html>'],
    ['a reply that is not streamed', '{"choices":[{"message":{"content":"Hi"}}]}'],
    ['an error', 'data: {"error":{"message":"sk-secret"}}\n\n'],
    ['an endless line', 'x'.repeat(1_100_000)],
  ])('fails for %s', async (_, text) => {
    sends(text);
    const failure = await failureOf(ask());
    expect(failure.fault).toBe('unavailable');
    expect(failure.message).not.toContain('sk-secret');
  });

  it('fails for a reply that is too long', async () => {
    sends(...Array.from({ length: 11 }, () => `${chunk('x'.repeat(990_000))}\n\n`));
    await expect(ask()).rejects.toThrow('more than 10000000 bytes');
  });

  it('follows no redirect', async () => {
    server.answer = (_, response) => response.writeHead(307, { location: '/elsewhere' }).end();
    expect((await failureOf(ask())).fault).toBe('refused');
    expect(server.asked).toHaveLength(1);
  });
});
