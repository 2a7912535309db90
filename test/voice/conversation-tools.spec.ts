import { type CallControl, endCall, leaveVoicemail, sendDtmf, transferCall } from '../../src/voice/tools/call-tools.js';
import { type ToolUse } from '../../src/voice/conversation/conversation-events.js';
import { type Tool } from '../../src/voice/tools/tool.js';
import { ConversationLab, type LabOptions } from './support/conversation-harness.js';
import { type Answer, CHARACTER_MS, said, toolCall } from './support/scripted-providers.js';
import { settled } from './support/virtual-clock.js';

const GREETING = 'Hello, this is Anna from the clinic.';
const GOODBYE = 'Thank you for calling, goodbye and have a nice day.';
const TARGETS = [{ number: '+4930123', description: 'the front desk' }];

let lab: ConversationLab;
/** What was done with the call, and when. */
let done: { what: string; atMs: number }[];
let outcome: Awaited<ReturnType<CallControl['transfer']>> | Error | 'rings';
let transferSignal: AbortSignal;

const note = (what: string): void => {
  done.push({ what, atMs: lab.clock.now() });
};
const control = {
  sendDtmf: (digits: string) => {
    note(`keys ${digits}`);
    return Promise.resolve();
  },
  transfer: (to: string, signal: AbortSignal) => {
    note(`transfer ${to}`);
    transferSignal = signal;
    if (outcome instanceof Error) return Promise.reject(outcome);
    return outcome === 'rings' ? ringing : Promise.resolve(outcome);
  },
};
/** Resolves when a test says so. */
let ringing: Promise<{ is: 'connected' }>;
let answer: () => void;
const lookUp = (run: Tool['run'], more: Partial<Tool> = {}): Tool => ({
  definition: { name: 'look_up', description: 'Looks up the calendar', parameters: { type: 'object' } },
  timeoutMs: 2_000,
  run,
  ...more,
});

/** The customer has asked something; the model answers so, one request after another. */
const begin = async (answers: Answer[], tools: Tool[], options: Partial<LabOptions> = {}): Promise<void> => {
  lab = new ConversationLab(() => ({
    tools,
    answer: (_messages, request) => answers[Math.min(request, answers.length - 1)]!,
    settings: { firstMessage: { text: GREETING } },
    ...options,
  }));
  await lab.passUntil(() => lab.turns.length === 1);
  lab.line.says('When can I come', 1_000);
  await lab.passUntil(() => lab.turns.length === 2);
};
const uses = (): ToolUse[] => lab.of('tool').map(({ use }) => use);
const results = () => lab.told.flatMap((message) => (message.role === 'tool' ? [message.content] : []));
const over = () => lab.passUntil(() => false, 30_000);

beforeEach(() => {
  done = [];
  outcome = { is: 'connected' };
  ringing = new Promise((resolve) => {
    answer = () => {
      resolve({ is: 'connected' });
    };
  });
});

afterEach(async () => {
  lab.conversation.stop();
  await lab.clock.advance(0);
  expect(lab.leaks).toEqual({ timers: 0, listeners: 0, requests: 0 });
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
    expect(lab.model.requests).toBe(1);
  });

  it('says the farewell when the model said nothing itself', async () => {
    await begin([[toolCall('end_call', { farewell: GOODBYE })]], [endCall()]);
    await over();
    expect(lab.line.heard.at(-1)?.text).toBe(GOODBYE);
    expect(lab.end?.reason).toBe('agent_hangup');
  });

  it('does not, when the customer interrupts before it was called', async () => {
    const first: Answer = [...said(GOODBYE), toolCall('end_call')];
    await begin([first, 'Of course, what else is there?'], [endCall()], { thinking: () => ({ betweenMs: 200 }) });
    await lab.passUntil(() => lab.line.heard.length === 2 || lab.model.open === 1);
    lab.line.says('Wait', 600);
    await lab.passUntil(() => lab.turns.length === 4);
    await lab.pass(2_000);
    expect(lab.end).toBeUndefined();
    expect(lab.script.at(-1)).toBe('agent: Of course, what else is there?');
  });
});

describe('transfer_call', () => {
  const words = 'I connect you with the front desk.';
  const transfer = [...said(words), toolCall('transfer_call', { to: '+4930123' })];

  it('connects when that was heard, and leaves the line to them', async () => {
    await begin([transfer], [transferCall(TARGETS, control)]);
    await lab.passUntil(() => lab.conversation.handedOver);
    expect(done.map(({ what }) => what)).toEqual(['transfer +4930123']);
    expect(done[0]!.atMs).toBeGreaterThanOrEqual(lab.line.lastPlayedMs - 20);
    expect(uses()).toMatchObject([{ name: 'transfer_call', result: 'The customer is connected.', error: null }]);
    expect(lab.script.at(-1)).toBe(`agent: ${words}`);
    expect(lab.leaks).toEqual({ timers: 0, listeners: 0, requests: 0 });
    const told = lab.events.length;
    lab.line.says('Hello, is that the front desk', 1_000);
    await over();
    expect([lab.end, lab.events.length, lab.model.requests]).toEqual([undefined, told, 1]);
  });

  it('lets the customer neither interrupt nor be asked anything while it rings', async () => {
    outcome = 'rings';
    const settings = {
      firstMessage: { text: GREETING },
      silence: { afterMs: 1_000, prompt: { text: 'Hello?' }, times: 1, farewell: undefined },
    };
    await begin([transfer], [transferCall(TARGETS, control)], { settings });
    await lab.passUntil(() => done.length === 1);
    const heard = lab.line.heard.length;
    lab.line.says('Are you still there', 800);
    await lab.pass(20_000);
    expect([lab.line.heard.length, transferSignal.aborted, lab.model.requests]).toEqual([heard, false, 1]);
    expect(lab.script.at(-1)).toBe('customer: Are you still there');
    answer();
    await lab.passUntil(() => lab.conversation.handedOver);
    expect(lab.script.at(-1)).toBe(`agent: ${words}`);
  });

  it('is given up when the customer hangs up while it rings', async () => {
    outcome = 'rings';
    await begin([transfer], [transferCall(TARGETS, control)]);
    await lab.passUntil(() => done.length === 1);
    await lab.conversation.hangUp();
    expect(transferSignal.aborted).toBe(true);
    answer();
    await lab.clock.advance(0);
    expect(lab.conversation.handedOver).toBe(false);
  });

  it('leaves the line also when they answer in the moment that it is given up', async () => {
    outcome = 'rings';
    await begin([transfer, 'Nobody answers.'], [{ ...transferCall(TARGETS, control), timeoutMs: 1_000 }]);
    await lab.passUntil(() => uses().length === 1);
    expect(uses()[0]!.error).toBe('No answer within 1000 ms');
    answer();
    await lab.clock.advance(0);
    expect(lab.conversation.handedOver).toBe(true);
  });

  it('is not done when the customer says no in time', async () => {
    await begin([transfer, 'Then not.'], [transferCall(TARGETS, control)]);
    await lab.pass(700);
    lab.line.says('No please do not', 800);
    await lab.passUntil(() => lab.turns.length === 5);
    expect(done).toEqual([]);
    expect(uses()).toMatchObject([{ name: 'transfer_call', result: null, error: 'Interrupted' }]);
    expect(results()[0]).toMatch(/^Error: interrupted by the customer/);
    expect(lab.script.at(-1)).toBe('agent: Then not.');
  });

  it.each([
    [
      'nobody answers',
      { is: 'refused' as const, detail: 'Nobody answers there' },
      /^Not connected: Nobody answers there\./,
    ],
    ['it fails', new Error('no trunk'), /^Error: no trunk/],
  ])('goes on when %s', async (_, failure, told) => {
    outcome = failure;
    await begin([transfer, 'I am sorry, nobody is there.'], [transferCall(TARGETS, control)]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(results()[0]).toMatch(told);
    expect(lab.script.at(-1)).toBe(`agent: ${words} I am sorry, nobody is there.`);
  });

  it('calls allowed numbers only', async () => {
    await begin([[toolCall('transfer_call', { to: '+49900666' })], 'I may not.'], [transferCall(TARGETS, control)]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(done).toEqual([]);
    expect(results()[0]).toBe('Error: Only these can be called: +4930123');
  });
});

describe('send_dtmf', () => {
  it('presses keys when nobody speaks', async () => {
    const words = 'One moment please.';
    await begin([[...said(words), toolCall('send_dtmf', { digits: '12#' })], 'Done.'], [sendDtmf(control)]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(done.map(({ what }) => what)).toEqual(['keys 12#']);
    expect(results()).toEqual(['Pressed 12#.']);
  });

  it('refuses what is no key', async () => {
    await begin([[toolCall('send_dtmf', { digits: '1 2' })], 'Sorry.'], [sendDtmf(control)]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(done).toEqual([]);
    expect(uses()[0]!.error).toMatch(/must be 1 to 32/);
  });
});

describe('leave_voicemail', () => {
  it('leaves the message in full and hangs up', async () => {
    const message = 'This is Anna from the clinic, please call us back.';
    await begin([[toolCall('leave_voicemail', { message })]], [leaveVoicemail()]);
    await lab.pass(300);
    lab.line.says('beep', 600);
    await over();
    expect(lab.line.heard.at(-1)).toEqual({ text: message, ms: message.length * CHARACTER_MS });
    expect(lab.end).toEqual({ reason: 'voicemail_reached', detail: 'A message was left' });
  });
});

describe('a tool', () => {
  it('gets its arguments, and the model its result', async () => {
    const run = (args: Record<string, unknown>) => Promise.resolve(`free on ${String(args.day)}`);
    await begin([[toolCall('look_up', { day: 'Tuesday' })], 'Tuesday is free.'], [lookUp(run)]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(uses()).toEqual([
      { name: 'look_up', arguments: { day: 'Tuesday' }, result: 'free on Tuesday', error: null, ms: 0 },
    ]);
    expect(lab.told.slice(-2)).toEqual([
      {
        role: 'assistant',
        content: '',
        toolCalls: [{ id: 'call-look_up', name: 'look_up', arguments: '{"day":"Tuesday"}' }],
      },
      { role: 'tool', toolCallId: 'call-look_up', content: 'free on Tuesday' },
    ]);
    expect(lab.script.at(-1)).toBe('agent: Tuesday is free.');
  });

  it.each([
    ['no JSON', '{"day":', /^Error: The arguments must be a JSON object/],
    ['no object', '[1]', /^Error: The arguments must be a JSON object/],
  ])('is not used with arguments that are %s', async (_, args, told) => {
    await begin([[toolCall('look_up', args)], 'Sorry.'], [lookUp(() => Promise.reject(new Error('used')))]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(uses()).toMatchObject([{ arguments: args, result: null, error: expect.stringMatching('JSON object') }]);
    expect(results()[0]).toMatch(told);
  });

  it('that does not exist is an error the model is told', async () => {
    await begin([[toolCall('fly')], 'I cannot.'], []);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(results()).toEqual(['Error: There is no tool "fly"']);
  });

  it('that throws is an error the model is told', async () => {
    await begin([[toolCall('look_up')], 'Later.'], [lookUp(() => Promise.reject(new Error('calendar is down')))]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(results()).toEqual(['Error: calendar is down']);
  });

  it('that takes too long is given up', async () => {
    let signal: AbortSignal | undefined;
    const stuck = lookUp((_args, context) => {
      ({ signal } = context);
      return new Promise(() => undefined);
    });
    await begin([[toolCall('look_up')], 'It takes too long.'], [stuck]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(signal?.aborted).toBe(true);
    expect(uses()).toMatchObject([{ error: 'No answer within 2000 ms', ms: 2_000 }]);
    expect(results()).toEqual(['Error: No answer within 2000 ms']);
  });

  it('is waited for with a filler, when the model said nothing', async () => {
    const run = () =>
      new Promise<string>((resolve) =>
        lab.clock.after(1_500, () => {
          resolve('free');
        }),
      );
    const tool = lookUp(run, { filler: 'One moment, I look it up.' });
    await begin([[toolCall('look_up')], 'It is free.'], [tool]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(lab.line.heard.slice(1).map(({ text }) => text)).toEqual(['One moment, I look it up.', 'It is free.']);
    expect(lab.script.at(-1)).toBe('agent: One moment, I look it up. It is free.');
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
    await lab.passUntil(() => lab.model.requests === 6);
    await settled();
    expect(lab.model.offered).toEqual([1, 1, 1, 1, 1, 0]);
    expect(uses().length).toBe(5);
  });

  it('may run several times in one answer', async () => {
    const both = [toolCall('look_up', { day: 1 }, 'a'), toolCall('look_up', { day: 2 }, 'b')];
    await begin([both, 'Both are free.'], [lookUp(({ day }) => Promise.resolve(`free ${String(day)}`))]);
    await lab.passUntil(() => lab.turns.length === 3);
    expect(results()).toEqual(['free 1', 'free 2']);
  });
});
