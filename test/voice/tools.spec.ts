import { endCall } from '../../src/voice/tools/call-tools.js';
import { type Tool } from '../../src/voice/tools/tool.js';
import { type ConversationHarness } from './support/conversation-harness.js';
import { HARNESSES } from './support/harnesses.js';
import { type Answer, toolCall } from './support/scripted-providers.js';
import { askModel, resultsOf, usesOf } from './support/tool-harness.js';

const GOODBYE = 'Thank you for calling, goodbye and have a nice day.';

const lookUp = (run: Tool['run'], more: Partial<Tool> = {}): Tool => ({
  definition: { name: 'look_up', description: 'Looks up the calendar', parameters: { type: 'object' } },
  timeoutMs: 2_000,
  run,
  ...more,
});

describe.each(HARNESSES)('a tool over the $name pipeline', (kind) => {
  let harness: ConversationHarness;

  const begin = async (answers: Answer[], tools: Tool[]): Promise<void> => {
    harness = await askModel(kind, answers, tools);
  };
  const after = (ms: number, result: string) => () =>
    new Promise<string>((resolve) =>
      harness.clock.after(ms, () => {
        resolve(result);
      }),
    );

  afterEach(() => harness.close());

  it('gets its arguments, and the model gets its result', async () => {
    const run = (args: Record<string, unknown>) => Promise.resolve(`free on ${String(args.day)}`);
    await begin([[toolCall('look_up', { day: 'Tuesday' })], 'Tuesday is free.'], [lookUp(run)]);
    await harness.passUntilTurns(3);
    expect(usesOf(harness)).toEqual([
      { name: 'look_up', arguments: { day: 'Tuesday' }, result: 'free on Tuesday', error: null, ms: 0 },
    ]);
    const toolCalls = [{ id: 'call-look_up', name: 'look_up', arguments: '{"day":"Tuesday"}' }];
    const at = harness.modelMessages.findIndex(({ role }) => role === 'tool');
    expect(harness.modelMessages.slice(at - 1, at + 1)).toEqual([
      { role: 'assistant', content: '', toolCalls },
      { role: 'tool', toolCallId: 'call-look_up', content: 'free on Tuesday' },
    ]);
    expect(harness.script.at(-1)).toBe('agent: Tuesday is free.');
  });

  it.each([
    ['no JSON', '{"day":'],
    ['no object', '[1]'],
  ])('does not run with arguments that are %s', async (_, args) => {
    await begin([[toolCall('look_up', args)], 'Sorry.'], [lookUp(() => Promise.reject(new Error('used')))]);
    await harness.passUntilTurns(3);
    expect(usesOf(harness)).toMatchObject([
      { arguments: args, result: null, error: expect.stringMatching('JSON object') },
    ]);
    expect(resultsOf(harness)[0]).toMatch(/^Error: The arguments must be a JSON object/);
  });

  it('that does not exist gives the model an error', async () => {
    await begin([[toolCall('fly')], 'I cannot.'], []);
    await harness.passUntilTurns(3);
    expect(resultsOf(harness)).toEqual(['Error: There is no tool "fly"']);
  });

  it('that throws gives the model an error', async () => {
    await begin([[toolCall('look_up')], 'Later.'], [lookUp(() => Promise.reject(new Error('calendar is down')))]);
    await harness.passUntilTurns(3);
    expect(resultsOf(harness)).toEqual(['Error: calendar is down']);
  });

  it('that takes too long is aborted', async () => {
    let signal: AbortSignal | undefined;
    const stuck = lookUp((_args, context) => {
      ({ signal } = context);
      return new Promise(() => undefined);
    });
    await begin([[toolCall('look_up')], 'It takes too long.'], [stuck]);
    await harness.passUntilTurns(3);
    expect(signal?.aborted).toBe(true);
    expect(usesOf(harness)).toMatchObject([{ error: 'No answer within 2000 ms', ms: 2_000 }]);
    expect(resultsOf(harness)).toEqual(['Error: No answer within 2000 ms']);
  });

  it('has a filler that is said when the model said nothing', async () => {
    const tool = lookUp(after(1_500, 'free'), { filler: 'One moment, I look it up.' });
    await begin([[toolCall('look_up')], 'It is free.'], [tool]);
    await harness.passUntilTurns(3);
    expect(harness.line.playedTexts.slice(1).map(({ text }) => text)).toEqual([
      'One moment, I look it up.',
      'It is free.',
    ]);
    expect(harness.script.at(-1)).toBe('agent: One moment, I look it up. It is free.');
  });

  it('with a filler leaves the farewell to the next tool', async () => {
    const both = [toolCall('look_up'), toolCall('end_call', { farewell: GOODBYE })];
    await begin([both], [lookUp(() => Promise.resolve('free'), { filler: 'One moment.' }), endCall()]);
    await harness.pass(30_000);
    expect(harness.script.at(-1)).toBe(`agent: One moment. ${GOODBYE}`);
  });

  it('runs five times in a row at most, then the model has to speak', async () => {
    const calls: Answer[] = Array.from({ length: 7 }, (_, n) => [toolCall('look_up', {}, `call-${n}`)]);
    await begin(calls, [lookUp(() => Promise.resolve('nothing'))]);
    await harness.passUntil(() => harness.answers === 6);
    expect(harness.toolsOffered).toEqual([true, true, true, true, true, false]);
    expect(usesOf(harness).length).toBe(5);
  });

  it('may run several times in one answer', async () => {
    const both = [toolCall('look_up', { day: 1 }, 'a'), toolCall('look_up', { day: 2 }, 'b')];
    await begin([both, 'Both are free.'], [lookUp(({ day }) => Promise.resolve(`free ${String(day)}`))]);
    await harness.passUntilTurns(3);
    expect(resultsOf(harness)).toEqual(['free 1', 'free 2']);
  });
});
