import { endCall, leaveVoicemail, sendDtmf, transferCall } from '../../src/voice/tools/call-tools.js';
import { type ToolUse } from '../../src/voice/conversation/conversation-events.js';
import { type Tool } from '../../src/voice/tools/tool.js';
import { RealtimeLab, type RealtimeLabOptions } from './support/realtime-harness.js';
import { type Answer, CHARACTER_MS, said, toolCall } from './support/scripted-providers.js';

const GREETING = 'Hello, this is Anna from the clinic.';
const GOODBYE = 'Thank you for calling, goodbye and have a nice day.';
const TARGETS = [{ number: '+4930123', description: 'the front desk' }];

let lab: RealtimeLab;
/** What was done with the call, and when. */
let done: { what: string; atMs: number }[];
let connects: boolean | Error;

const note = (what: string): void => {
  done.push({ what, atMs: lab.clock.now() });
};
const control = {
  sendDtmf: (digits: string) => {
    note(`keys ${digits}`);
    return Promise.resolve();
  },
  transfer: (to: string) => {
    note(`transfer ${to}`);
    if (connects instanceof Error) return Promise.reject(connects);
    const refused = { is: 'refused', detail: 'Nobody answers there' } as const;
    return Promise.resolve(connects ? ({ is: 'connected' } as const) : refused);
  },
};
const lookUp = (run: Tool['run'], more: Partial<Tool> = {}): Tool => ({
  definition: { name: 'look_up', description: 'Looks up the calendar', parameters: { type: 'object' } },
  timeoutMs: 2_000,
  run,
  ...more,
});
const later = (ms: number, result: string) => () =>
  new Promise<string>((resolve) =>
    lab.clock.after(ms, () => {
      resolve(result);
    }),
  );

/** The customer has asked something; the model answers so, one reply of its own after another. */
const begin = async (answers: Answer[], tools: Tool[], options: Partial<RealtimeLabOptions> = {}): Promise<void> => {
  let asked = 0;
  lab = new RealtimeLab(() => ({
    tools,
    settings: { firstMessage: { text: GREETING } },
    ...options,
    script: { answer: () => answers[Math.min(asked++, answers.length - 1)]!, ...options.script },
  }));
  await lab.passUntil(() => lab.turns.length === 1);
  lab.line.says('When can I come', 1_000);
  await lab.passUntil(() => lab.turns.length === 2);
};
const uses = (): ToolUse[] => lab.of('tool').map(({ use }) => use);
const results = () => lab.provider.told.flatMap((message) => (message.role === 'tool' ? [message.content] : []));
const over = () => lab.passUntil(() => false, 30_000);
const orders = () => lab.provider.sessions.flatMap((session) => session.orders);

beforeEach(() => {
  done = [];
  connects = true;
});

afterEach(async () => {
  lab.conversation.stop();
  await lab.clock.advance(0);
  expect(lab.leaks).toEqual({ timers: 0, listeners: 0, sessions: 0 });
  expect(lab.broken).toBeUndefined();
});

describe('end_call', () => {
  it('hangs up when the goodbye was heard in full, whatever the customer says meanwhile', async () => {
    await begin([[...said(GOODBYE), toolCall('end_call', { reason: 'All is settled' })]], [endCall()]);
    await lab.pass(500);
    lab.line.says('Bye bye', 600);
    await over();
    expect(lab.line.heard.at(-1)).toEqual({ text: GOODBYE, ms: GOODBYE.length * CHARACTER_MS });
    expect(lab.end).toEqual({ reason: 'agent_hangup', detail: 'All is settled' });
    expect(lab.script.slice(2)).toEqual(['customer: Bye bye', `agent: ${GOODBYE}`]);
    expect(lab.provider.replies).toBe(2);
  });

  it('has the farewell said when the model said nothing itself', async () => {
    await begin([[toolCall('end_call', { farewell: GOODBYE })]], [endCall()]);
    await over();
    expect(lab.line.heard.at(-1)).toEqual({ text: GOODBYE, ms: GOODBYE.length * CHARACTER_MS });
    expect(lab.end?.reason).toBe('agent_hangup');
  });

  it('does not, when the customer interrupts before it was called', async () => {
    const first: Answer = [...said(GOODBYE), toolCall('end_call')];
    const slowly = { script: { speaking: () => ({ betweenMs: 95 }) } };
    await begin([first, 'Of course, what else is there?'], [endCall()], slowly);
    await lab.passUntil(() => lab.line.heard.length === 2);
    await lab.pass(500);
    lab.line.says('Wait', 600);
    await lab.passUntil(() => lab.turns.length === 5);
    expect(lab.end).toBeUndefined();
    expect(lab.script.at(-1)).toBe('agent: Of course, what else is there?');
  });
});

describe('transfer_call', () => {
  const words = 'I connect you with the front desk.';
  const transfer = [...said(words), toolCall('transfer_call', { to: '+4930123' })];

  it('connects when that was heard, and hands the line over', async () => {
    await begin([transfer], [transferCall(TARGETS, control)]);
    await lab.passUntil(() => uses().length > 0);
    await lab.pass(120_000);
    expect([lab.end, lab.broken]).toEqual([undefined, undefined]);
    expect(uses()).toMatchObject([{ name: 'transfer_call', result: 'The customer is connected.' }]);
    expect(lab.script.at(-1)).toBe(`agent: ${words}`);
    expect(done.map(({ what }) => what)).toEqual(['transfer +4930123']);
    expect(done[0]!.atMs).toBeGreaterThanOrEqual(lab.line.lastPlayedMs - 20);
  });

  it('is not done when the customer says no in time', async () => {
    await begin([transfer, 'Then not.'], [transferCall(TARGETS, control)]);
    await lab.pass(700);
    lab.line.says('No please do not', 800);
    await lab.passUntil(() => lab.turns.length === 5);
    expect(done).toEqual([]);
    expect(uses()).toMatchObject([{ name: 'transfer_call', result: null, error: 'Interrupted' }]);
    expect(results()).toEqual([expect.stringMatching(/^Error: interrupted by the customer/)]);
    expect(lab.script.at(-1)).toBe('agent: Then not.');
  });

  it('is begun once only, when noise comes between; the model is told that it is not known', async () => {
    const stuck = lookUp(later(1_500, 'free'));
    await begin([[...said(words), toolCall('look_up')], 'I look again.'], [stuck]);
    lab.line.says('', 500);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(uses().map(({ error }) => error)).toEqual(['Interrupted']);
    expect(results()).toEqual([expect.stringMatching(/^Error: interrupted/)]);
    expect(lab.script.at(-1)).toBe(`agent: ${words} I look again.`);
  });

  it.each([
    ['nobody answers', false, /^Not connected: Nobody answers there/],
    ['it fails', new Error('no trunk'), /^Error: no trunk/],
  ])('goes on when %s', async (_, outcome, told) => {
    connects = outcome;
    await begin([transfer, 'I am sorry, nobody is there.'], [transferCall(TARGETS, control)]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(results()[0]).toMatch(told);
    expect(lab.script.at(-1)).toBe(`agent: ${words} I am sorry, nobody is there.`);
  });
});

it('keys are pressed when nobody speaks', async () => {
  const words = 'One moment please.';
  await begin([[...said(words), toolCall('send_dtmf', { digits: '12#' })], 'Done.'], [sendDtmf(control)]);
  await lab.passUntil(() => lab.turns.length === 3);
  expect(done.map(({ what }) => what)).toEqual(['keys 12#']);
  expect(results()).toEqual(['Pressed 12#.']);
});

it('a message is left in full, then the call ends', async () => {
  const message = 'This is Anna from the clinic, please call us back.';
  await begin([[toolCall('leave_voicemail', { message })]], [leaveVoicemail()]);
  await lab.pass(300);
  lab.line.says('beep', 600);
  await over();
  expect(lab.line.heard.at(-1)).toEqual({ text: message, ms: message.length * CHARACTER_MS });
  expect(lab.end).toEqual({ reason: 'voicemail_reached', detail: 'A message was left' });
});

describe('a tool', () => {
  it('gets its arguments, and the model its result', async () => {
    const run = (args: Record<string, unknown>) => Promise.resolve(`free on ${String(args.day)}`);
    await begin([[toolCall('look_up', { day: 'Tuesday' })], 'Tuesday is free.'], [lookUp(run)]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(uses()).toEqual([
      { name: 'look_up', arguments: { day: 'Tuesday' }, result: 'free on Tuesday', error: null, ms: 0 },
    ]);
    expect(results()).toEqual(['free on Tuesday']);
    expect(lab.script.at(-1)).toBe('agent: Tuesday is free.');
  });

  it('that does not exist is an error the model is told', async () => {
    await begin([[toolCall('fly')], 'I cannot.'], []);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(results()).toEqual(['Error: There is no tool "fly"']);
  });

  it('that takes too long is given up', async () => {
    await begin([[toolCall('look_up')], 'It takes too long.'], [lookUp(() => new Promise(() => undefined))]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(uses()).toMatchObject([{ error: 'No answer within 2000 ms', ms: 2_000 }]);
    expect(results()).toEqual(['Error: No answer within 2000 ms']);
  });

  it('is waited for with a filler, when the model said nothing', async () => {
    const tool = lookUp(later(1_500, 'free'), { filler: 'One moment, I look it up.' });
    await begin([[toolCall('look_up')], 'It is free.'], [tool]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.line.heard.slice(1).map(({ text }) => text)).toEqual(['One moment, I look it up.', 'It is free.']);
    expect(lab.script.at(-1)).toBe('agent: One moment, I look it up. It is free.');
    expect(orders().at(-2)).toEqual({ instructions: expect.stringContaining('One moment'), mayUseTools: false });
  });

  it('with a filler does not keep the goodbye from being said', async () => {
    const both = [toolCall('look_up'), toolCall('end_call', { farewell: GOODBYE })];
    await begin([both], [lookUp(() => Promise.resolve('free'), { filler: 'One moment.' }), endCall()]);
    await over();
    expect(lab.script.at(-1)).toBe(`agent: One moment. ${GOODBYE}`);
  });

  it('is used five times in a row, then the model has to speak', async () => {
    const calls: Answer[] = Array.from({ length: 7 }, (_, n) => [toolCall('look_up', {}, `call-${n}`)]);
    await begin(calls, [lookUp(() => Promise.resolve('nothing'))]);
    await lab.passUntil(() => orders().length === 7);
    expect(orders().map(({ mayUseTools }) => mayUseTools)).toEqual([false, true, true, true, true, true, false]);
    expect(uses().length).toBe(5);
  });

  it('may run several times in one answer', async () => {
    const both = [toolCall('look_up', { day: 1 }, 'a'), toolCall('look_up', { day: 2 }, 'b')];
    await begin([both, 'Both are free.'], [lookUp(({ day }) => Promise.resolve(`free ${String(day)}`))]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(results()).toEqual(['free 1', 'free 2']);
  });
});
