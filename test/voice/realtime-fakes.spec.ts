import { endCall } from '../../src/voice/tools/call-tools.js';
import { type ConversationEnd, type ConversationEvent } from '../../src/voice/conversation/conversation-events.js';
import { type ConversationSettings } from '../../src/voice/conversation/conversation-settings.js';
import { createRealtimeModel } from '../../src/voice/providers/providers.js';
import { RealtimeConversation } from '../../src/voice/conversation/realtime-conversation.js';
import { type Tool } from '../../src/voice/tools/tool.js';
import { type Fault, SECRET } from '../fakes/faults.js';
import { FakeVendors, refusingUrl } from '../fakes/fake-vendors.js';
import { silence, speech } from '../support/audio.js';
import { VirtualLine } from './support/virtual-line.js';

const GREETING = 'Hello, this is Anna.';
const APOLOGY = { text: 'I am sorry.', audio: silence(0.1).fill(2) };
const GOODBYE = 'Thank you. Goodbye!';

/** A conversation over real sockets, on a line that plays as fast as it can. */
class LineToLab {
  readonly line = new VirtualLine();
  readonly events: ConversationEvent[] = [];
  readonly conversation: RealtimeConversation;
  end: ConversationEnd | undefined;

  constructor(baseUrl: string, settings: Partial<ConversationSettings> = {}, tools: readonly Tool[] = [endCall()]) {
    this.conversation = new RealtimeConversation(this.line, {
      provider: createRealtimeModel({ kind: 'openai', baseUrl, apiKey: 'key-1' }),
      settings: { instructions: 'Be kind.', firstMessage: { text: GREETING }, apology: APOLOGY, ...settings },
      tools,
      tell: (event) => this.events.push(event),
    });
    void this.conversation.over.then((end) => (this.end = end));
    this.conversation.start();
  }

  /** Frames pass, until it is so or the conversation is over. */
  async until(reached: () => boolean = () => false): Promise<void> {
    while (!this.end && !reached()) {
      this.line.tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  get script(): string[] {
    return this.events.flatMap((event) =>
      event.type === 'turn' ? [`${event.turn.speaker}: ${event.turn.text}${event.turn.interrupted ? ' -' : ''}`] : [],
    );
  }

  get faults(): string[] {
    return this.events.flatMap(({ type, ...event }) =>
      type === 'fault' && 'fault' in event ? [`${event.fault.fault} ${event.fault.then.action}`] : [],
    );
  }
}

let lab: FakeVendors;
let call: LineToLab;
/** What the server hears next. */
let words = '';

beforeAll(async () => {
  lab = await FakeVendors.start({ apiKey: 'key-1', recognizes: false, hears: () => words });
  // Takes its time, which the server does not need then.
  for (const text of [GREETING, GOODBYE]) await lab.voices.sayOnLine(text);
});

beforeEach(() => {
  lab.faults.clear();
  lab.connections = 0;
});

/** However it went: no socket is open. */
afterEach(async () => {
  call.conversation.stop();
  expect(call.line.listeners.size).toBe(0);
  await lab.until(({ sockets }) => sockets.size === 0);
});

afterAll(() => lab.close());

const turns = (count: number) => call.until(() => call.script.length >= count);
const say = (text: string) => {
  words = text;
  call.line.speaks(speech(1, 1));
};

it('talks with a Realtime server: greets, hears, uses a tool, answers, and says goodbye', async () => {
  const weather: Tool = {
    definition: { name: 'weather', description: 'The weather', parameters: { type: 'object' } },
    timeoutMs: 1_000,
    run: ({ city }) => Promise.resolve(`20 degrees in ${String(city)}`),
  };
  call = new LineToLab(lab.url, {}, [endCall(), weather]);
  await turns(1);
  say('How is the weather, please?');
  await turns(3);
  say('Goodbye then.');
  await call.until();
  expect(call.script).toEqual([
    `agent: ${GREETING}`,
    'customer: How is the weather, please?',
    'agent: It will be sunny – about twenty degrees. Anything else?',
    'customer: Goodbye then.',
    `agent: ${GOODBYE}`,
  ]);
  expect(call.events.filter(({ type }) => type === 'tool')).toMatchObject([
    { use: { name: 'weather', result: '20 degrees in Zürich “West”' } },
    { use: { name: 'end_call', error: null } },
  ]);
  expect(call.end).toEqual({ reason: 'agent_hangup', detail: null });
  expect({ faults: call.faults, connections: lab.connections }).toEqual({ faults: [], connections: 1 });
});

it('is interrupted, and goes on with the same session', async () => {
  call = new LineToLab(lab.url, { interruptMs: 100 });
  // One second.
  await call.until(() => call.line.played.length > 8_000);
  say('Hello, who is speaking there?');
  await turns(3);
  expect(call.script).toEqual([
    expect.stringMatching(/^agent: Hello, .+ -$/),
    'customer: Hello, who is speaking there?',
    'agent: Hello there! How may I help you today?',
  ]);
  expect({ faults: call.faults, connections: lab.connections }).toEqual({ faults: [], connections: 1 });
});

const waiting = (ms: number): Partial<ConversationSettings> => ({
  limits: { transcriptionMs: ms, modelFirstMs: ms, modelNextMs: ms, speechFirstMs: ms, speechNextMs: ms },
});

describe.each<[Fault, string]>([
  [{ kind: 'status', status: 400 }, 'refused'],
  [{ kind: 'status', status: 401 }, 'denied'],
  [{ kind: 'status', status: 403 }, 'denied'],
  [{ kind: 'status', status: 404 }, 'refused'],
  [{ kind: 'status', status: 429, retryAfter: '7' }, 'rate_limited'],
  [{ kind: 'status', status: 429, retryAfter: '0' }, 'rate_limited'],
  [{ kind: 'status', status: 500 }, 'unavailable'],
  [{ kind: 'stall' }, 'timeout'],
  [{ kind: 'stall_midway' }, 'timeout'],
  [{ kind: 'half' }, 'unavailable'],
  [{ kind: 'garbage' }, 'unavailable'],
  [{ kind: 'closed' }, 'unavailable'],
  [{ kind: 'closed_midway' }, 'unavailable'],
])('%j', (fault, means) => {
  const again = !['refused', 'denied'].includes(means) && !('retryAfter' in fault && fault.retryAfter === '7');

  it('ends the call with an apology, when it lasts', async () => {
    lab.faults.always('realtime', fault);
    call = new LineToLab(lab.url, means === 'timeout' ? waiting(100) : {});
    await call.until();
    expect(call.end).toMatchObject({ reason: 'error_llm_provider' });
    expect(call.end?.detail).not.toContain(SECRET);
    expect(call.faults).toEqual(again ? [`${means} retry`, `${means} give_up`] : [`${means} give_up`]);
    expect(call.script.at(-1)).toBe(`agent: ${APOLOGY.text}`);
    expect(lab.connections).toBe(again ? 2 : 1);
  });

  if (again)
    it('is got over, when it happens once', async () => {
      lab.faults.add('realtime', fault);
      // Only who says nothing is given up by the clock.
      call = new LineToLab(lab.url, means === 'timeout' ? waiting(2_000) : {});
      await turns(1);
      say('Goodbye then.');
      await call.until();
      expect(call.end?.reason).toBe('agent_hangup');
      expect(call.script.at(-1)).toBe(`agent: ${GOODBYE}`);
      expect(call.faults).toEqual([`${means} retry`]);
    });
});

it('ends the call when nobody listens there', async () => {
  call = new LineToLab(await refusingUrl(), { apology: { text: '' } });
  await call.until();
  expect(call.end).toEqual({ reason: 'error_llm_provider', detail: expect.stringContaining('ECONNREFUSED') });
});

it('hangs up while the server stalls, and leaves nothing', async () => {
  lab.faults.always('realtime', { kind: 'stall' });
  call = new LineToLab(lab.url);
  await lab.until(({ sockets }) => sockets.size === 1);
  await call.conversation.hangUp();
  expect(call.script).toEqual([]);
});
