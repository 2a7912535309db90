import { type Log } from '../lib/platform/index.js';
import { type ConversationEvent } from '../voice/index.js';
import { type CallCommand } from '../calls/index.js';
import { ConversationRecorder } from './conversation-recorder.js';

const silent = () => undefined;
const use = { name: 'look_up', arguments: {}, result: 'Found.', error: null, ms: 12.4 };
const tool = (more: Partial<typeof use> | object = {}): ConversationEvent => ({
  type: 'tool',
  use: { ...use, ...more },
});
const fault: ConversationEvent = {
  type: 'fault',
  fault: {
    ...{ stage: 'model', provider: 'openai/gpt', fault: 'timeout', message: 'No word\0' },
    then: { action: 'give_up' },
  },
};
const turn: ConversationEvent = {
  type: 'turn',
  turn: { speaker: 'agent', text: 'Hello', startMs: 0, endMs: 500, interrupted: false, latency: null },
};

describe('what is taken down of a conversation', () => {
  const errors: unknown[] = [];
  const log: Log = {
    error: (...told: unknown[]) => void errors.push(told),
    warn: silent,
    info: silent,
    debug: silent,
    flush: silent,
  };
  let kept: unknown[];
  let notes: ConversationRecorder;

  beforeEach(() => {
    errors.length = 0;
    kept = [];
    const keep = (what: unknown) => (kept.push(what), Promise.resolve());
    notes = new ConversationRecorder('c1', { saveTurn: keep, saveUsage: keep, execute: keep, log });
  });

  const commands = () => kept as CallCommand[];

  it('is kept in order, tools and faults numbered', async () => {
    for (const event of [turn, tool(), fault, tool({ result: null, error: 'Gone' })]) notes.take(event);
    await notes.kept();
    expect(kept).toMatchObject([
      { text: 'Hello' },
      { type: 'ReportToolUse', claim: 'c1', number: 1, use: { name: 'look_up', durationMs: 12, result: 'Found.' } },
      { type: 'ReportProviderFailure', claim: 'c1', number: 2, failure: { stage: 'model', message: 'No word' } },
      { type: 'ReportToolUse', number: 3, use: { result: null, error: 'Gone' } },
    ]);
  });

  it('waits for each to be kept before the next', async () => {
    const order: string[] = [];
    let release: () => void = silent;
    const slow = new Promise<void>((resolve) => (release = resolve));
    const execute = async ({ type }: CallCommand) => {
      order.push(`${type} begins`);
      if (type === 'ReportToolUse') await slow;
      order.push(`${type} ends`);
    };
    notes = new ConversationRecorder('c1', { saveTurn: silent as never, saveUsage: silent as never, execute, log });
    notes.take(tool());
    notes.take(fault);
    release();
    await notes.kept();
    expect(order).toEqual([
      ...['ReportToolUse begins', 'ReportToolUse ends'],
      ...['ReportProviderFailure begins', 'ReportProviderFailure ends'],
    ]);
  });

  it('goes on when one cannot be kept, and says so', async () => {
    const execute = () => Promise.reject(new Error('down'));
    notes = new ConversationRecorder('c1', {
      saveTurn: (told) => (kept.push(told), Promise.resolve()),
      saveUsage: silent as never,
      execute,
      log,
    });
    notes.take(tool());
    notes.take(turn);
    await notes.kept();
    expect(kept).toHaveLength(1);
    expect(errors).toHaveLength(1);
  });

  it('holds nothing that the store would refuse, and not too much', async () => {
    const long = 'x'.repeat(10_000);
    for (const more of [
      { arguments: 'no JSON\0', result: 'a\0b\ud800' },
      { arguments: { a: 'NUL\0' }, result: long },
      { arguments: { a: long } },
    ])
      notes.take(tool(more));
    await notes.kept();
    const uses = commands().map((command) => (command.type === 'ReportToolUse' ? command.use : undefined));
    expect(uses[0]).toMatchObject({ arguments: 'no JSON', result: 'ab\ufffd' });
    expect(uses[1]?.arguments).toBe('{"a":"NUL\\u0000"}');
    expect(uses[1]?.result).toHaveLength(4_001);
    expect(uses[2]?.arguments).toHaveLength(4_001);
    expect(errors).toEqual([]);
  });
});
