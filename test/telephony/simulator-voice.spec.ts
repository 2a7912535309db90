import { VoicemailAwareSession, type MachineScript } from '../../src/voice/voicemail-aware-session.js';
import { Conversation } from '../../src/voice/conversation/conversation.js';
import { CascadePipeline } from '../../src/voice/pipeline/cascade/cascade-pipeline.js';
import { type ConversationEnd, type ConversationEvent } from '../../src/voice/conversation-events.js';
import { type ConversationDeps } from '../../src/voice/conversation/conversation-deps.js';
import { decodeTones, encodeTones } from '../../src/lib/audio/tone-code.js';
import { endCall, transferCall } from '../../src/voice/tools/call-tools.js';
import {
  ScriptedModel,
  ScriptedTextToSpeech,
  ScriptedSpeechToText,
} from '../../src/voice/providers/scripted/scripted.js';
import { type CallLeg, type LegSignal } from '../../src/telephony/provider.js';
import { SimulatorProvider } from '../../src/telephony/simulator/simulator.provider.js';
import { temporaryFolder } from '../support/process.js';
import { dialRequest, endOf, readAll, typesOf } from './provider-expectations.js';

const PERSON = '+15550000001';
const TRANSFER = { mode: 'bridge', from: '+15559990000', ringTimeoutMs: 30_000 } as const;
const MACHINE = '+15550000006';
const BUSY = '+15550000002';
const TALKATIVE = '+15550000011';
const INTERRUPTS = '+15550000015';
const SILENT = '+15550000016';
const ASKS_FOR_A_PERSON = '+15550000017';
const PRESSES_KEYS = '+15550000018';

const VOICE = { synthesize: encodeTones, transcribe: decodeTones };
const GREETING = 'Hello John Doe, this is Acme Corp.';
const PROMPT = 'You are a friendly assistant of Acme Corp. You call about: Follow-up on quote. Be brief.';
const MESSAGE = 'This is Acme Corp. Please call us back.';

const folder = temporaryFolder();
const opened: SimulatorProvider[] = [];
const open = (speed = 20): SimulatorProvider => {
  const provider = new SimulatorProvider({ ledgerFolder: folder.path, speed, voice: VOICE });
  opened.push(provider);
  return provider;
};

afterEach(async () => {
  await Promise.all(opened.splice(0).map((provider) => provider.close()));
});
afterAll(() => {
  folder.remove();
});

interface ConversationOptions {
  settings?: ConversationDeps['settings'];
  machine?: Partial<MachineScript>;
  transferTo?: string;
  /** Called after each signal and each event of the conversation. */
  meanwhile?: (call: AgentCall) => void;
}

/** A call with an agent on its line. */
interface AgentCall {
  leg: CallLeg;
  signals: LegSignal[];
  events: ConversationEvent[];
  /** The end by the agent; undefined without one. */
  over: ConversationEnd | undefined;
}

/** Dials, and runs a real conversation with the far end. */
async function converse(
  provider: SimulatorProvider,
  to: string,
  options: ConversationOptions = {},
): Promise<AgentCall> {
  const leg = await provider.dial(dialRequest(to));
  const call: AgentCall = { leg, signals: [], events: [], over: undefined };
  let session: VoicemailAwareSession | undefined;
  for await (const signal of leg.signals) {
    call.signals.push(signal);
    if (signal.type === 'answered') session ??= startSession(provider, call, options);
    if (signal.type === 'dtmf') session?.dtmf(signal.digit);
    if (signal.type === 'answered_by' && signal.by === 'machine') void session?.machineDetected();
    if (signal.type === 'beep') void session?.beepDetected();
    if (signal.type === 'greeting_over') void session?.silenceDetected();
    options.meanwhile?.(call);
  }
  await session?.stop();
  return call;
}

function startSession(
  provider: SimulatorProvider,
  call: AgentCall,
  { settings, machine, transferTo, meanwhile }: ConversationOptions,
): VoicemailAwareSession {
  const { leg, events } = call;
  const control = {
    sendDtmf: (keys: string) => leg.sendDtmf(keys),
    transfer: (number: string) => leg.transfer(number, TRANSFER),
  };
  const targets = transferTo === undefined ? [] : [{ number: transferTo, description: 'A colleague' }];
  const line = leg.audio!;
  const providers = {
    speechToText: { primary: new ScriptedSpeechToText() },
    model: { primary: new ScriptedModel() },
    textToSpeech: { primary: new ScriptedTextToSpeech() },
  };
  const session = new VoicemailAwareSession(
    line,
    new Conversation(line, {
      settings: { instructions: PROMPT, firstMessage: { text: GREETING }, ...settings },
      pipeline: (context) => new CascadePipeline(context, providers),
      tools: [endCall(), ...(targets.length > 0 ? [transferCall(targets, control)] : [])],
      emit: (event) => {
        events.push(event);
        meanwhile?.(call);
      },
      clock: provider.clock,
    }),
    { onMachine: 'hang_up', message: undefined, ...machine },
  );
  void session.ended.then((end) => {
    call.over = end;
    return leg.hangup();
  });
  return session;
}

/** Lines as "agent: …", with a dash after an interruption. */
const transcript = ({ events }: AgentCall): string[] =>
  events.flatMap((event) =>
    event.type === 'turn' ? [`${event.turn.speaker}: ${event.turn.text}${event.turn.interrupted ? ' —' : ''}`] : [],
  );

/** All events, in milliseconds from the first word: its own time depends on the reader of the leg. */
function timing({ events }: AgentCall): ConversationEvent[] {
  const first = events.find((event) => event.type === 'turn')?.turn.startMs ?? NaN;
  return events.map((event) => {
    if (event.type !== 'turn') return event;
    const { startMs, endMs } = event.turn;
    return { ...event, turn: { ...event.turn, startMs: startMs - first, endMs: endMs - first } };
  });
}

const CONVERSATION = [
  `agent: ${GREETING}`,
  'customer: Hello! What is this about?',
  'agent: I am calling about: Follow-up on quote. Do you have a minute?',
  'customer: Yes. Could you send me the details by email?',
  'agent: Gladly, you will have them today. Shall we call you again next week?',
  'customer: Yes, please. Tuesday morning is best.',
  'agent: Great, I have noted that. Is there anything else?',
  'customer: No, that is all. Thank you, goodbye!',
  'agent: Thank you for your time. Goodbye!',
];

describe('a conversation in test mode', () => {
  it('runs to its end, always in the same words and milliseconds', async () => {
    const first = await converse(open(), PERSON);
    expect(transcript(first)).toEqual(CONVERSATION);
    expect(first.over).toEqual({ reason: 'agent_hangup', detail: 'The conversation is over' });
    expect(typesOf(first.signals)).toEqual(['ringing', 'answered', 'ended']);
    expect(endOf(first.signals)).toMatchObject({ reason: 'agent_hangup', by: 'agent' });
    expect(timing(await converse(open(10), PERSON))).toEqual(timing(first));
  });

  it('fits any first message and prompt', async () => {
    const settings = { instructions: 'You are Ada.', firstMessage: { text: 'Good morning! Is this the workshop?' } };
    expect(transcript(await converse(open(), PERSON, { settings })).slice(0, 3)).toEqual([
      'agent: Good morning! Is this the workshop?',
      'customer: Hello! What is this about?',
      'agent: I am calling about: your request. Do you have a minute?',
    ]);
  });

  it('is begun by the far end when the agent waits', async () => {
    const call = await converse(open(), PERSON, { settings: { firstSpeaker: 'customer' } });
    expect(transcript(call)).toEqual(CONVERSATION.slice(1));
  });

  it('is ended by the far end after a goodbye of the agent', async () => {
    const settings = { firstMessage: { text: 'This is to say that we are open again. Goodbye!' } };
    const call = await converse(open(), PERSON, { settings });
    expect(transcript(call)).toEqual(['agent: This is to say that we are open again. Goodbye!']);
    expect(endOf(call.signals)).toMatchObject({ reason: 'user_hangup', by: 'customer', sipCode: null });
    expect(call.over).toBeUndefined();
  });

  it('is ended by the far end in silence', async () => {
    const leg = await open().dial(dialRequest(PERSON));
    expect(endOf(await readAll(leg))).toMatchObject({ reason: 'user_hangup', by: 'customer' });
  });

  it('can be interrupted: the transcript has only the played text', async () => {
    const call = await converse(open(), INTERRUPTS);
    expect(transcript(call)).toEqual([
      ...CONVERSATION.slice(0, 2),
      'agent: I am calling about: Follow-up —',
      'customer: Sorry, I am in a hurry. Can you make it short?',
      'agent: Of course, I will be brief. May I send you the details by email?',
      'customer: Yes, please.',
      ...CONVERSATION.slice(6),
    ]);
    expect(call.over?.reason).toBe('agent_hangup');
  });

  it('with a silent far end ends for inactivity', async () => {
    const call = await converse(open(), SILENT);
    expect(transcript(call)).toEqual([
      `agent: ${GREETING}`,
      'agent: Are you still there?',
      'agent: Are you still there?',
    ]);
    expect(call.over?.reason).toBe('inactivity');
    expect(endOf(call.signals).reason).toBe('agent_hangup');
  });

  it('receives keys', async () => {
    const call = await converse(open(), PRESSES_KEYS);
    expect(call.signals.flatMap((signal) => (signal.type === 'dtmf' ? [signal.digit] : []))).toEqual(['1', '2', '#']);
    expect(transcript(call)).toEqual([
      `agent: ${GREETING}`,
      'customer: [Keys pressed: 12#]',
      'agent: Thank you, I have noted your keys. Is there anything else?',
      ...CONVERSATION.slice(7),
    ]);
  });

  it('goes on until the maximum duration with the number that never hangs up', async () => {
    const call = await converse(open(), TALKATIVE, { settings: { maxDurationMs: 60_000 } });
    expect(call.over?.reason).toBe('max_duration_reached');
    expect(transcript(call).slice(0, 5)).toEqual(CONVERSATION.slice(0, 5));
    expect(transcript(call).slice(5, 9)).toEqual([
      'customer: Well, there is more to it.',
      'agent: I see. Please tell me more.',
      'customer: Well, there is more to it.',
      'agent: I see. Please tell me more.',
    ]);
  });

  it.each([
    ['+15550000009', 'error_media_lost', 'carrier'],
    ['+15550000010', 'user_hangup', 'customer'],
  ])('with %s is cut off after a second', async (to, reason, by) => {
    const call = await converse(open(), to);
    expect(endOf(call.signals)).toMatchObject({ reason, by });
    expect(transcript(call).join()).not.toContain('customer');
  });

  it('is cut off by a hang-up in the middle of a word', async () => {
    const provider = open();
    const call = await converse(provider, PERSON, {
      meanwhile: ({ leg, events }) => {
        const [last] = events.slice(-1);
        // The agent replies half a second later, and speaks for four seconds.
        if (last?.type === 'turn' && last.turn.speaker === 'customer')
          provider.clock.after(2_000, () => void leg.hangup());
      },
    });
    const [, , answer = '', ...rest] = transcript(call);
    expect(answer).toMatch(/^agent: I am calling/);
    expect(answer.length).toBeLessThan(CONVERSATION[2]!.length);
    expect(rest).toEqual([]);
    expect(endOf(call.signals)).toMatchObject({ reason: 'agent_hangup', by: 'agent' });
    expect(await call.leg.audio?.mark()).toBe('cleared');
  });
});

describe('a transfer in test mode', () => {
  it('connects with a number that answers, after the announcement of the agent', async () => {
    const call = await converse(open(), ASKS_FOR_A_PERSON, { transferTo: PERSON });
    expect(transcript(call)).toEqual([
      `agent: ${GREETING}`,
      'customer: Hello! I would like to speak to a person, please.',
      'agent: One moment, I will connect you.',
    ]);
    // The far end ends the call, not the agent.
    expect(call.over).toBeUndefined();
    expect(endOf(call.signals)).toMatchObject({ reason: 'call_transfer', detail: `Talked with ${PERSON}` });
    expect(call.events.find(({ type }) => type === 'tool')).toMatchObject({
      use: { name: 'transfer_call', arguments: { to: PERSON }, result: 'The customer is connected.', error: null },
    });
  });

  it('is refused by a busy number, and the conversation goes on', async () => {
    const call = await converse(open(), ASKS_FOR_A_PERSON, { transferTo: BUSY });
    expect(transcript(call).slice(2)).toEqual([
      'agent: One moment, I will connect you. I am sorry, nobody is free right now. Can I help you myself?',
      'customer: Then please call me back. Goodbye!',
      'agent: Thank you for your time. Goodbye!',
    ]);
  });

  it('is declined by an agent without targets', async () => {
    expect(transcript(await converse(open(), ASKS_FOR_A_PERSON)).slice(2)).toEqual([
      'agent: I am sorry, I cannot connect you from here. Shall somebody call you back?',
      'customer: Then please call me back. Goodbye!',
      'agent: Thank you for your time. Goodbye!',
    ]);
  });

  it('ends the leg by itself', async () => {
    const leg = await open().dial(dialRequest(TALKATIVE));
    expect(await leg.transfer(PERSON, TRANSFER)).toMatchObject({ status: 'refused' });
    const signals: LegSignal[] = [];
    for await (const signal of leg.signals) {
      signals.push(signal);
      if (signal.type === 'answered') expect(await leg.transfer(PERSON, TRANSFER)).toEqual({ status: 'connected' });
    }
    expect(signals.at(-2)).toMatchObject({ type: 'transferred', to: PERSON, mode: 'bridge' });
    expect(endOf(signals)).toMatchObject({ reason: 'call_transfer', by: 'customer' });
    expect(await leg.transfer(PERSON, TRANSFER)).toMatchObject({ status: 'refused' });
  });
});

describe('an answering machine in test mode', () => {
  const greeted = ['ringing', 'answered', 'answered_by'];

  it('is detected and hung up', async () => {
    const call = await converse(open(), MACHINE);
    expect(typesOf(call.signals)).toEqual([...greeted, 'ended']);
    expect(call.over).toEqual({ reason: 'voicemail_reached', detail: 'A machine answered' });
  });

  it('records a message after its beep', async () => {
    const machine = { onMachine: 'leave_message', message: encodeTones(MESSAGE) } as const;
    const call = await converse(open(), MACHINE, { machine });
    expect(typesOf(call.signals)).toEqual([...greeted, 'beep', 'greeting_over', 'ended']);
    expect(call.over).toEqual({ reason: 'voicemail_reached', detail: 'A message was left after the beep' });
  });

  it('ends the call without a message', async () => {
    const signals = await readAll(await open().dial(dialRequest(MACHINE)));
    expect(typesOf(signals)).toEqual([...greeted, 'beep', 'greeting_over', 'ended']);
    expect(endOf(signals)).toMatchObject({ reason: 'voicemail_reached', by: 'system', detail: 'A machine answered' });
  });

  it('greets in words, and beeps', async () => {
    const received: number[] = [];
    const provider = open();
    const leg = await provider.dial(dialRequest(MACHINE));
    leg.audio!.listen((frame) => received.push(...frame));
    await readAll(leg);
    expect(decodeTones(Int16Array.from(received))).toMatch(/^Hi, I cannot take your call right now\./);
  });
});

describe('audio', () => {
  it.each(['+15550000021', '+15550000022', '+15550000023', '+15550000024', '+15550000025'])(
    'is absent for %s: its callbacks are bad',
    async (to) => {
      const leg = await open().dial(dialRequest(to));
      expect(leg.audio).toBeUndefined();
    },
  );

  it('is absent above 20 times real time: the leg delivers turns instead', async () => {
    const leg = await open(20.5).dial(dialRequest(PERSON));
    expect(leg.audio).toBeUndefined();
    expect(typesOf(await readAll(leg))).toContain('turn');
  });

  it('is present for the full carrier once it accepts the call', async () => {
    const provider = open();
    const { callId } = dialRequest(PERSON);
    const audio = async () => (await provider.dial(dialRequest('+15550000008', { callId }))).audio;
    expect(await audio()).toBeUndefined();
    expect(await audio()).toBeUndefined();
    expect(await audio()).toBeDefined();
  });
});

describe('a line with audio', () => {
  /** An answered call. */
  async function answered(provider: SimulatorProvider, to = TALKATIVE) {
    const request = dialRequest(to);
    const leg = await provider.dial(request);
    const audio = leg.audio!;
    const signals: LegSignal[] = [];
    let isAnswered: () => void = () => undefined;
    const answer = new Promise<void>((resolve) => (isAnswered = resolve));
    const all = (async () => {
      for await (const signal of leg.signals) {
        signals.push(signal);
        if (signal.type === 'answered') isAnswered();
      }
      return signals;
    })();
    await answer;
    return { request, leg, audio, all };
  }

  it('delivers the same signals to all readers, with keys and the end of the callee', async () => {
    const [first, second] = [open(), open()];
    const request = dialRequest(PRESSES_KEYS);
    const leg = await first.dial(request);
    const elsewhere = await second.dial(request);
    expect(elsewhere.audio).toBeUndefined();
    const [own, again, other] = await Promise.all([leg, await first.dial(request), elsewhere].map(readAll));
    expect(typesOf(own!)).toEqual(['ringing', 'answered', 'dtmf', 'dtmf', 'dtmf', 'ended']);
    expect(again).toEqual(own);
    expect(other).toEqual(own);
    expect(await second.find(request.attemptId)).toEqual({ status: 'ended', signals: own });
    expect(await open().find(request.attemptId)).toEqual({ status: 'ended', signals: own });
  });

  it('is found by its own process, with its audio', async () => {
    const provider = open();
    const { request, leg } = await answered(provider);
    const found = await provider.find(request.attemptId);
    expect(found.status === 'open' && found.leg.audio).toBe(leg.audio);
  });

  it('is hung up by another process', async () => {
    const { request, audio, all } = await answered(open());
    await (await open().dial(request)).hangup();
    expect(endOf(await all)).toMatchObject({ reason: 'agent_hangup', by: 'agent' });
    expect(await audio.mark()).toBe('cleared');
  });

  it('is lost for ever by the look-up of another process', async () => {
    const { request, all } = await answered(open());
    const found = await open().find(request.attemptId);
    if (found.status !== 'ended') throw new Error(`is ${found.status}`);
    expect(typesOf(found.signals)).toEqual(['ringing', 'answered', 'ended']);
    expect(endOf(found.signals)).toMatchObject({ reason: 'error_media_lost', by: 'system' });
    expect(await all).toEqual(found.signals);
    expect(await open().find(request.attemptId)).toEqual(found);
  });

  it('is unknown by the look-up of another process before the answer, which then never comes', async () => {
    const provider = open();
    const request = dialRequest(PERSON);
    const signals = readAll(await provider.dial(request));
    expect(await open().find(request.attemptId)).toEqual({ status: 'unknown' });
    expect(typesOf(await signals)).not.toContain('answered');
    expect(endOf(await signals).reason).toBe('error_media_lost');
    expect(await open().find(request.attemptId)).toEqual({ status: 'unknown' });
    await expect(readAll(await open().dial(request))).resolves.toEqual(await signals);
  });

  it('ends with the close of its provider, ringing or answered', async () => {
    const provider = open();
    const { request, all } = await answered(provider);
    const ringing = dialRequest(PERSON);
    const unanswered = readAll(await provider.dial(ringing));
    await provider.close();
    for (const [attemptId, signals] of [
      [request.attemptId, await all],
      [ringing.attemptId, await unanswered],
    ] as const) {
      expect(endOf(signals)).toMatchObject({
        reason: 'error_media_lost',
        by: 'system',
        detail: expect.stringContaining('stopped'),
      });
      expect(await open().find(attemptId)).toEqual({ status: 'ended', signals });
    }
  });

  it('returns the played part of cleared audio', async () => {
    const { audio, leg } = await answered(open());
    audio.write(new Int16Array(80_000).fill(1));
    const mark = audio.mark();
    const frames = await new Promise<number[]>((resolve) => {
      const moments: number[] = [];
      const stop = audio.listen((frame, atMs) => {
        expect(frame).toHaveLength(160);
        if (moments.push(atMs) === 5) {
          stop();
          resolve(moments);
        }
      });
    });
    const [from = 0] = frames;
    expect(frames).toEqual([0, 20, 40, 60, 80].map((ms) => from + ms));
    const { playedMs } = await audio.clear();
    expect(await mark).toBe('cleared');
    expect(playedMs).toBeGreaterThanOrEqual(80);
    expect(playedMs % 20).toBe(0);
    expect(await audio.clear()).toEqual({ playedMs: 0 });
    expect(await audio.mark()).toBe('played');
    audio.write(new Int16Array(200));
    expect(await audio.mark()).toBe('played');
    expect(await audio.clear()).toEqual({ playedMs: 25 });
    await leg.hangup();
  });

  it('rejects digits that do not exist', async () => {
    const { leg } = await answered(open());
    await expect(leg.sendDtmf('12x')).rejects.toThrow(RangeError);
    await expect(leg.sendDtmf('12#')).resolves.toBeUndefined();
  });

  it('runs twenty conversations at once, and leaves no timer', async () => {
    const provider = open(15);
    const call = await Promise.all(Array.from({ length: 20 }, () => converse(provider, PERSON)));
    for (const one of call) expect(transcript(one)).toEqual(CONVERSATION);
    await provider.close();
    expect(provider.clock.isRunning).toBe(false);
  });
});
