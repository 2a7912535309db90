import { type ModelEvent, ProviderError } from '../ports.js';
import { OpenAiChatReply } from './openai-chat-reply.js';

const delta = (value: object, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta: value, finish_reason }],
});
const calling = (...tool_calls: object[]) => delta({ tool_calls });
const STOP = delta({}, 'stop');

function read(chunks: readonly unknown[], done = true): ModelEvent[] {
  const reply = new OpenAiChatReply('model');
  return [
    ...chunks.flatMap((chunk) => reply.take(typeof chunk === 'string' ? chunk : JSON.stringify(chunk))),
    ...reply.end(done),
  ];
}

describe('a streamed reply', () => {
  it('is text as it comes', () => {
    expect(
      read([delta({ role: 'assistant', content: '' }), delta({ content: 'Hel' }), delta({ content: 'lo' }), STOP]),
    ).toEqual([
      { type: 'text', text: 'Hel' },
      { type: 'text', text: 'lo' },
    ]);
  });

  it('tells a refusal as well, and no reasoning', () => {
    expect(read([delta({ reasoning_content: 'hm' }), delta({ refusal: 'No.' })])).toEqual([
      { type: 'text', text: 'No.' },
    ]);
  });

  it('puts calls together from fragments, in turn and mixed', () => {
    const chunks = [
      calling({ index: 0, id: 'a', function: { name: 'one', arguments: '' } }),
      calling({ index: 0, function: { arguments: '{"x"' } }, { index: 1, id: 'b', function: { name: 'two' } }),
      calling({ index: 1, function: { arguments: '{' } }),
      calling({ index: 0, function: { arguments: ':1}' } }),
      calling({ index: 1, function: { arguments: '}' } }),
      delta({}, 'tool_calls'),
      { choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } },
    ];
    expect(read(chunks)).toEqual([
      { type: 'tool_call', call: { id: 'a', name: 'one', arguments: '{"x":1}' } },
      { type: 'tool_call', call: { id: 'b', name: 'two', arguments: '{}' } },
      { type: 'usage', inputTokens: 3, outputTokens: 4 },
    ]);
  });

  it.each([
    ['without an index', undefined],
    ['with the same index for all', 0],
  ])('takes calls %s', (_, index) => {
    const chunks = [
      calling({ index, id: 'a', function: { name: 'one', arguments: '{}' } }),
      calling({ index, id: 'b', function: { name: 'two', arguments: '{"y"' } }),
      calling({ index, function: { arguments: ':2}' } }),
    ];
    expect(read(chunks)).toEqual([
      { type: 'tool_call', call: { id: 'a', name: 'one', arguments: '{}' } },
      { type: 'tool_call', call: { id: 'b', name: 'two', arguments: '{"y":2}' } },
    ]);
  });

  it('takes calls without an id and with arguments that are no text', () => {
    expect(read([calling({ index: 0, function: { name: 'one', arguments: { x: 1 } } })])).toEqual([
      { type: 'tool_call', call: { id: 'call_1', name: 'one', arguments: '{"x":1}' } },
    ]);
  });

  it('ends with [DONE], or with a reason', () => {
    expect(read([delta({ content: 'Hi' })], true)).toHaveLength(1);
    expect(read([delta({ content: 'Hi' }), STOP], false)).toHaveLength(1);
    expect(() => read([delta({ content: 'Hi' })], false)).toThrow('broke off');
    expect(() => read([], false)).toThrow('broke off');
  });

  it('skips counts that are none', () => {
    expect(read([{ choices: [], usage: { prompt_tokens: -1, completion_tokens: 'x' } }])).toEqual([]);
    expect(read([{ choices: [], usage: null }])).toEqual([]);
  });

  it.each([
    ['no JSON', '{"choices":['],
    ['a list', '[]'],
    ['an error', { error: { message: 'sk-secret', code: 500 } }],
    ['a call that is none', calling(null as unknown as object)],
    ['a call without a name', calling({ index: 0, id: 'a', function: { arguments: '{}' } })],
    ['arguments beyond all measure', calling({ index: 0, function: { name: 'a', arguments: 'x'.repeat(100_001) } })],
    [
      'too many calls',
      calling(...Array.from({ length: 33 }, (_, index) => ({ index, id: `${index}`, function: { name: 'a' } }))),
    ],
  ])('fails for %s, without its words', (_, chunk) => {
    expect(() => read([chunk])).toThrow(ProviderError);
    expect(() => read([chunk])).toThrow(expect.objectContaining({ fault: 'unavailable' }));
    expect(() => read([chunk])).not.toThrow(/sk-secret/);
  });

  it.each([429, 'rate_limit_exceeded'])('knows a rate limit in the stream: %s', (code) => {
    expect(() => read([{ error: { code } }])).toThrow(expect.objectContaining({ fault: 'rate_limited' }));
  });
});
