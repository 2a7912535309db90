import {
  AgentTalk,
  type ConversationEnd,
  type ConversationEvent,
  type ConversationParts,
  decodeTones,
  encodeTones,
  endCall,
  type MachineScript,
  ScriptedModel,
  ScriptedSpeaker,
  ScriptedTranscriber,
  transferCall,
} from '../../src/voice/index.js';
import { type CallLeg, type LegSignal } from '../../src/telephony/index.js';
import { SimulatorProvider } from '../../src/telephony/simulator/simulator.provider.js';
import { temporaryFolder } from '../support/process.js';
import { dialRequest, endOf, hear, typesOf } from './provider-expectations.js';

const PERSON = '+15550000001';
const MACHINE = '+15550000006';
const BUSY = '+15550000002';
const TALKATIVE = '+15550000011';
const INTERRUPTS = '+15550000015';
const SILENT = '+15550000016';
const ASKS_FOR_A_PERSON = '+15550000017';
const PRESSES_KEYS = '+15550000018';

const VOICE = { say: encodeTones, understand: decodeTones };
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

interface Options {
  settings?: ConversationParts['settings'];
  machine?: Partial<MachineScript>;
  transferTo?: string;
  /** After each signal and each event of the conversation. */
  meanwhile?: (held: Held) => void;
}

/** A call as it was held. */
interface Held {
  leg: CallLeg;
  signals: LegSignal[];
  events: ConversationEvent[];
  /** Why the agent wanted the call to end, if it did. */
  over: ConversationEnd | undefined;
}

/** Dials, and has the real engine converse with whoever answers. */
async function hold(provider: SimulatorProvider, to: string, options: Options = {}): Promise<Held> {
  const leg = await provider.dial(dialRequest(to));
  const held: Held = { leg, signals: [], events: [], over: undefined };
  let talk: AgentTalk | undefined;
  for await (const signal of leg.signals) {
    held.signals.push(signal);
    if (signal.type === 'answered') talk ??= converse(provider, held, options);
    if (signal.type === 'dtmf') talk?.dtmf(signal.digit);
    if (signal.type === 'answered_by' && signal.by === 'machine') void talk?.machineHeard();
    if (signal.type === 'beep') void talk?.beepHeard();
    if (signal.type === 'greeting_over') void talk?.silenceHeard();
    options.meanwhile?.(held);
  }
  talk?.stop();
  return held;
}

function converse(provider: SimulatorProvider, held: Held, { settings, machine, transferTo, meanwhile }: Options): AgentTalk {
  const { leg, events } = held;
  const control = { sendDtmf: (keys: string) => leg.sendDtmf(keys), transfer: (number: string) => leg.transfer(number) };
  const targets = transferTo === undefined ? [] : [{ number: transferTo, description: 'A colleague' }];
  const talk = new AgentTalk(
    leg.audio!,
    {
      settings: { instructions: PROMPT, firstMessage: { text: GREETING }, ...settings },
      transcribers: { primary: new ScriptedTranscriber() },
      models: { primary: new ScriptedModel() },
      speakers: { primary: new ScriptedSpeaker() },
      tools: [endCall(), ...(targets.length > 0 ? [transferCall(targets, control)] : [])],
      tell: (event) => {
        events.push(event);
        meanwhile?.(held);
      },
      clock: provider.clock,
    },
    { onMachine: 'hang_up', message: undefined, ...machine },
  );
  void talk.over.then((end) => {
    held.over = end;
    return leg.hangup();
  });
  return talk;
}

/** "agent: …", a dash where it was interrupted. */
const transcript = ({ events }: Held): string[] =>
  events.flatMap((event) =>
    event.type === 'turn'
      ? [`${event.turn.speaker}: ${event.turn.text}${event.turn.interrupted ? ' —' : ''}`]
      : [],
  );

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
  it('goes through the engine to its end, always in the same words and milliseconds', async () => {
    const first = await hold(open(), PERSON);
    expect(transcript(first)).toEqual(CONVERSATION);
    expect(first.over).toEqual({ reason: 'agent_hangup', detail: 'The conversation is over' });
    expect(typesOf(first.signals)).toEqual(['ringing', 'answered', 'ended']);
    expect(endOf(first.signals)).toMatchObject({ reason: 'agent_hangup', by: 'agent' });
    const again = await hold(open(10), PERSON);
    expect(again.events).toEqual(first.events);
  });

  it.each(['+15550000008', '+4930901820'])('is the same with %s', async (to) => {
    const provider = open();
    const request = dialRequest(to);
    // The number whose carrier is full at first.
    for (let n = 0; n < 2 && to === '+15550000008'; n++)
      await hear(await provider.dial(dialRequest(to, { callId: request.callId })));
    const leg = await provider.dial(request);
    expect(leg.audio).toBeDefined();
    await leg.hangup();
  });
});
