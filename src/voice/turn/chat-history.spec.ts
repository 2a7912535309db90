import { ChatHistory } from './chat-history.js';

let history: ChatHistory;

beforeEach(() => {
  history = new ChatHistory('Be kind.');
});

describe('the chat history', () => {
  it('has the words of both sides', () => {
    history.user('Hello');
    history.assistant().content = 'Hi';
    history.user('Tuesday?');
    expect(history.messages().map(({ role, content }) => `${role}: ${content}`)).toEqual([
      'system: Be kind.',
      'user: Hello',
      'assistant: Hi',
      'user: Tuesday?',
    ]);
  });

  it('joins consecutive words of the customer into one message', () => {
    history.user('When');
    history.assistant();
    history.user('can I come');
    expect(history.messages().slice(1)).toEqual([{ role: 'user', content: 'When can I come' }]);
  });

  it('has a result after every tool call, also after an interrupted one', () => {
    const entry = history.assistant();
    entry.toolCalls = [1, 2].map((n) => ({ id: `${n}`, name: 'look_up', arguments: '{}' }));
    history.user('Wait');
    entry.results.set('1', 'free');
    expect(history.messages().slice(1)).toEqual([
      { role: 'assistant', content: '', toolCalls: entry.toolCalls },
      { role: 'tool', toolCallId: '1', content: 'free' },
      { role: 'tool', toolCallId: '2', content: expect.stringMatching(/^Error: interrupted/) },
      { role: 'user', content: 'Wait' },
    ]);
  });

  it('adds a note to one request', () => {
    expect(history.messages('Go on').at(-1)).toEqual({ role: 'user', content: '[Go on]' });
    expect(history.messages().length).toBe(1);
  });

  it('keeps the place of words of the customer whose transcript is not known yet', () => {
    const history = new ChatHistory('');
    const words = history.user('');
    history.assistant().content = 'Good morning.';
    expect(history.messages()).toEqual([{ role: 'assistant', content: 'Good morning.' }]);
    words.content = 'Hello?';
    expect(history.messages()[0]).toEqual({ role: 'user', content: 'Hello?' });
  });
});
