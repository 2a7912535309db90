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

describe('ConversationRecorder', () => {
  const errors: unknown[] = [];
  const log: Log = {
    error: (...args: unknown[]) => void errors.push(args),
    warn: silent,
    info: silent,
    debug: silent,
    flush: silent,
  };
  let stored: unknown[];
  let recorder: ConversationRecorder;

  beforeEach(() => {
    errors.length = 0;
    stored = [];
    const store = (value: unknown) => (stored.push(value), Promise.resolve());
    recorder = new ConversationRecorder('c1', { saveTurn: store, saveUsage: store, execute: store, log });
  });

  const commands = () => stored as CallCommand[];

  it('stores events in order and numbers tools and faults', async () => {
    for (const event of [turn, tool(), fault, tool({ result: null, error: 'Gone' })]) recorder.record(event);
    await recorder.idle();
    expect(stored).toMatchObject([
      { text: 'Hello' },
      { type: 'ReportToolUse', claim: 'c1', number: 1, use: { name: 'look_up', durationMs: 12, result: 'Found.' } },
      { type: 'ReportProviderFailure', claim: 'c1', number: 2, failure: { stage: 'model', message: 'No word' } },
      { type: 'ReportToolUse', number: 3, use: { result: null, error: 'Gone' } },
    ]);
  });

  it('stores one event after the other', async () => {
    const order: string[] = [];
    let release: () => void = silent;
    const slow = new Promise<void>((resolve) => (release = resolve));
    const execute = async ({ type }: CallCommand) => {
      order.push(`${type} begins`);
      if (type === 'ReportToolUse') await slow;
      order.push(`${type} ends`);
    };
    recorder = new ConversationRecorder('c1', { saveTurn: silent as never, saveUsage: silent as never, execute, log });
    recorder.record(tool());
    recorder.record(fault);
    release();
    await recorder.idle();
    expect(order).toEqual([
      'ReportToolUse begins',
      'ReportToolUse ends',
      'ReportProviderFailure begins',
      'ReportProviderFailure ends',
    ]);
  });

  it('logs an event that cannot be stored and continues', async () => {
    const execute = () => Promise.reject(new Error('down'));
    recorder = new ConversationRecorder('c1', {
      saveTurn: (turnToStore) => (stored.push(turnToStore), Promise.resolve()),
      saveUsage: silent as never,
      execute,
      log,
    });
    recorder.record(tool());
    recorder.record(turn);
    await recorder.idle();
    expect(stored).toHaveLength(1);
    expect(errors).toHaveLength(1);
  });

  it('removes characters that PostgreSQL refuses and cuts long texts', async () => {
    const long = 'x'.repeat(10_000);
    for (const more of [
      { arguments: 'no JSON\0', result: 'a\0b\ud800' },
      { arguments: { a: 'NUL\0' }, result: long },
      { arguments: { a: long } },
    ])
      recorder.record(tool(more));
    await recorder.idle();
    const uses = commands().map((command) => (command.type === 'ReportToolUse' ? command.use : undefined));
    expect(uses[0]).toMatchObject({ arguments: 'no JSON', result: 'ab\ufffd' });
    expect(uses[1]?.arguments).toBe('{"a":"NUL\\u0000"}');
    expect(uses[1]?.result).toHaveLength(4_001);
    expect(uses[2]?.arguments).toHaveLength(4_001);
    expect(errors).toEqual([]);
  });
});
