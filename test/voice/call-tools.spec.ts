import { endCall, leaveVoicemail, sendDtmf, transferCall } from '../../src/voice/tools/call-tools.js';
import { type Tool } from '../../src/voice/tools/tool.js';
import { GREETING } from './support/appointment.js';
import { type ConversationHarness, type HarnessOptions } from './support/conversation-harness.js';
import { HARNESSES } from './support/harnesses.js';
import { type Answer, CHARACTER_MS, said, toolCall } from './support/scripted-providers.js';
import { askModel, resultsOf, ScriptedCall, usesOf } from './support/tool-harness.js';

const GOODBYE = 'Thank you for calling, goodbye and have a nice day.';
const TARGETS = [{ number: '+4930123', description: 'the front desk' }];

describe.each(HARNESSES)('tools of the call over the $name pipeline', (kind) => {
  let harness: ConversationHarness;
  let call: ScriptedCall;

  const begin = async (answers: Answer[], tools: Tool[], options: HarnessOptions = {}): Promise<void> => {
    harness = await askModel(kind, answers, tools, options);
  };
  const nowMs = (): number => harness.clock.now();
  const ended = () => harness.pass(30_000);
  const actions = () => call.actions.map(({ action }) => action);

  beforeEach(() => {
    call = new ScriptedCall(nowMs);
  });

  afterEach(() => harness.close());

  describe('end_call', () => {
    it('hangs up after the whole goodbye, even when the customer speaks meanwhile', async () => {
      await begin([[...said(GOODBYE), toolCall('end_call', { reason: 'All is settled' })]], [endCall()]);
      await harness.pass(500);
      harness.line.says('Bye bye', 600);
      await ended();
      expect(harness.line.playedTexts.at(-1)).toEqual({ text: GOODBYE, ms: GOODBYE.length * CHARACTER_MS });
      expect(harness.end).toEqual({ reason: 'agent_hangup', detail: 'All is settled' });
      expect(harness.script.slice(2)).toEqual(['customer: Bye bye', `agent: ${GOODBYE}`]);
      expect(harness.answers).toBe(1);
    });

    it('says the farewell when the model said nothing itself', async () => {
      await begin([[toolCall('end_call', { farewell: GOODBYE })]], [endCall()]);
      await ended();
      expect(harness.line.playedTexts.at(-1)).toEqual({ text: GOODBYE, ms: GOODBYE.length * CHARACTER_MS });
      expect(harness.end?.reason).toBe('agent_hangup');
    });

    it('does not hang up when the customer interrupts before the model calls it', async () => {
      const goodbye: Answer = [...said(GOODBYE), toolCall('end_call')];
      const slowly = { thinking: () => ({ betweenMs: 200 }) };
      await begin([goodbye, 'Of course, what else is there?'], [endCall()], slowly);
      await harness.passUntil(() => harness.answers === 1);
      harness.line.says('Wait', 600);
      await harness.passUntil(() => harness.script.at(-1) === 'agent: Of course, what else is there?');
      await harness.pass(2_000);
      expect(harness.end).toBeUndefined();
      expect(usesOf(harness)).toEqual([]);
    });
  });

  describe('transfer_call', () => {
    const words = 'I connect you with the front desk.';
    const transfer = [...said(words), toolCall('transfer_call', { to: '+4930123' })];

    it('connects after the words are played, and detaches the agent from the line', async () => {
      await begin([transfer], [transferCall(TARGETS, call)]);
      await harness.passUntil(() => harness.conversation.handedOver);
      expect(actions()).toEqual(['transfer +4930123']);
      expect(call.actions[0]!.atMs).toBeGreaterThanOrEqual(harness.line.lastPlayedMs - 20);
      expect(usesOf(harness)).toMatchObject([
        { name: 'transfer_call', result: 'The customer is connected.', error: null },
      ]);
      expect(harness.script.at(-1)).toBe(`agent: ${words}`);
      harness.expectNothingLeft();
      const events = harness.events.length;
      harness.line.says('Hello, is that the front desk', 1_000);
      await ended();
      expect([harness.end, harness.events.length, harness.answers]).toEqual([undefined, events, 1]);
    });

    it('is neither interrupted nor followed by a prompt while it rings', async () => {
      call = new ScriptedCall(nowMs, 'rings');
      const settings = {
        firstMessage: { text: GREETING },
        silence: { afterMs: 1_000, prompt: { text: 'Hello?' }, times: 1, farewell: undefined },
      };
      await begin([transfer], [transferCall(TARGETS, call)], { settings });
      await harness.passUntil(() => call.actions.length === 1);
      const played = harness.line.playedTexts.length;
      harness.line.says('Are you still there', 800);
      await harness.pass(20_000);
      expect([harness.line.playedTexts.length, call.transferSignal?.aborted, harness.answers]).toEqual([
        played,
        false,
        1,
      ]);
      expect(harness.script.at(-1)).toBe('customer: Are you still there');
      call.answer();
      await harness.passUntil(() => harness.conversation.handedOver);
      expect(harness.script.at(-1)).toBe(`agent: ${words}`);
    });

    it('is aborted when the customer hangs up while it rings', async () => {
      call = new ScriptedCall(nowMs, 'rings');
      await begin([transfer], [transferCall(TARGETS, call)]);
      await harness.passUntil(() => call.actions.length === 1);
      await harness.conversation.hangUp();
      expect(call.transferSignal?.aborted).toBe(true);
      call.answer();
      await harness.clock.advance(0);
      expect(harness.conversation.handedOver).toBe(false);
    });

    it('detaches the agent also when the answer comes in the moment of the timeout', async () => {
      call = new ScriptedCall(nowMs, 'rings');
      await begin([transfer, 'Nobody answers.'], [{ ...transferCall(TARGETS, call), timeoutMs: 1_000 }]);
      await harness.passUntil(() => usesOf(harness).length === 1);
      expect(usesOf(harness)[0]!.error).toBe('No answer within 1000 ms');
      call.answer();
      await harness.clock.advance(0);
      expect(harness.conversation.handedOver).toBe(true);
    });

    it('is not done when the customer objects in time', async () => {
      await begin([transfer, 'Then not.'], [transferCall(TARGETS, call)]);
      await harness.pass(700);
      harness.line.says('No please do not', 800);
      await harness.passUntilTurns(5);
      expect(actions()).toEqual([]);
      expect(usesOf(harness)).toMatchObject([{ name: 'transfer_call', result: null, error: 'Interrupted' }]);
      expect(resultsOf(harness)).toEqual([expect.stringMatching(/^Error: interrupted by the customer/)]);
      expect(harness.script.at(-1)).toBe('agent: Then not.');
    });

    it.each([
      [
        'the target does not answer',
        { status: 'refused' as const, detail: 'Nobody answers there' },
        /^Not connected: Nobody answers there\./,
      ],
      ['it fails', new Error('no trunk'), /^Error: no trunk/],
    ])('lets the model continue when %s', async (_, failure, result) => {
      call = new ScriptedCall(nowMs, failure);
      await begin([transfer, 'I am sorry, nobody is there.'], [transferCall(TARGETS, call)]);
      await harness.passUntilTurns(3);
      expect(resultsOf(harness)[0]).toMatch(result);
      expect(harness.script.at(-1)).toBe(`agent: ${words} I am sorry, nobody is there.`);
    });

    it('calls allowed numbers only', async () => {
      await begin([[toolCall('transfer_call', { to: '+49900666' })], 'I may not.'], [transferCall(TARGETS, call)]);
      await harness.passUntilTurns(3);
      expect(actions()).toEqual([]);
      expect(resultsOf(harness)[0]).toBe('Error: Only these can be called: +4930123');
    });
  });

  describe('send_dtmf', () => {
    it('presses keys after the words are played', async () => {
      const words = 'One moment please.';
      await begin([[...said(words), toolCall('send_dtmf', { digits: '12#' })], 'Done.'], [sendDtmf(call)]);
      await harness.passUntilTurns(3);
      expect(actions()).toEqual(['keys 12#']);
      expect(resultsOf(harness)).toEqual(['Pressed 12#.']);
    });

    it('refuses characters that are no keys', async () => {
      await begin([[toolCall('send_dtmf', { digits: '1 2' })], 'Sorry.'], [sendDtmf(call)]);
      await harness.passUntilTurns(3);
      expect(actions()).toEqual([]);
      expect(usesOf(harness)[0]!.error).toMatch(/must be 1 to 32/);
    });
  });

  describe('leave_voicemail', () => {
    it('plays the whole message and hangs up', async () => {
      const message = 'This is Anna from the clinic, please call us back.';
      await begin([[toolCall('leave_voicemail', { message })]], [leaveVoicemail()]);
      await harness.pass(300);
      harness.line.says('beep', 600);
      await ended();
      expect(harness.line.playedTexts.at(-1)).toEqual({ text: message, ms: message.length * CHARACTER_MS });
      expect(harness.end).toEqual({ reason: 'voicemail_reached', detail: 'A message was left' });
    });
  });
});
