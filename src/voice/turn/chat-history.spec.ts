import { ChatHistory } from './chat-history.js';

let history: ChatHistory;

beforeEach(() => {
  history = new ChatHistory('Be kind.');
});

describe('the model is told', () => {
  it('who said what', () => {
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

  it('words of the customer as one message when nothing was heard in between', () => {
    history.user('When');
    history.assistant();
    history.user('can I come');
    expect(history.messages().slice(1)).toEqual([{ role: 'user', content: 'When can I come' }]);
  });

  it('a result behind every tool call, also behind one that was cut off', () => {
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

  it('a note once', () => {
    expect(history.messages('Go on').at(-1)).toEqual({ role: 'user', content: '[Go on]' });
    expect(history.messages().length).toBe(1);
  });

  it('has a place for words of the customer that are not known yet, and does not tell of them before', () => {
    const history = new ChatHistory('');
    const words = history.user('');
    history.assistant().content = 'Good morning.';
    expect(history.messages()).toEqual([{ role: 'assistant', content: 'Good morning.' }]);
    words.content = 'Hello?';
    expect(history.messages()[0]).toEqual({ role: 'user', content: 'Hello?' });
  });
});
