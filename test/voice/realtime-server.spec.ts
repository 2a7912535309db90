import { endCall } from '../../src/voice/tools/call-tools.js';
import { type ConversationEnd, type ConversationEvent } from '../../src/voice/conversation-events.js';
import { type ConversationSettings } from '../../src/voice/conversation-settings.js';
import { createRealtimeModel } from '../../src/voice/providers/providers.js';
import { Conversation } from '../../src/voice/conversation/conversation.js';
import { RealtimePipeline } from '../../src/voice/pipeline/realtime/realtime-pipeline.js';
import { type Tool } from '../../src/voice/tools/tool.js';
import { type Fault, SECRET } from '../fakes/faults.js';
import { FakeVendors, refusingUrl } from '../fakes/fake-vendors.js';
import { silence, speech } from '../support/audio.js';
import { VirtualLine } from './support/virtual-line.js';

const GREETING = 'Hello, this is Anna.';
const FAILURE_MESSAGE = { text: 'I am sorry.', audio: silence(0.1).fill(2) };
const GOODBYE = 'Thank you. Goodbye!';

/** A conversation over real sockets, on a line that plays as fast as possible. */
class SocketHarness {
  readonly line = new VirtualLine();
  readonly events: ConversationEvent[] = [];
  readonly conversation: Conversation;
  end: ConversationEnd | undefined;

  constructor(baseUrl: string, settings: Partial<ConversationSettings> = {}, tools: readonly Tool[] = [endCall()]) {
    const model = createRealtimeModel({ kind: 'openai', baseUrl, apiKey: 'key-1' });
    this.conversation = new Conversation(this.line, {
      pipeline: (context) => new RealtimePipeline(context, model),
      settings: {
        instructions: 'Be kind.',
        firstMessage: { text: GREETING },
        failureMessage: FAILURE_MESSAGE,
        ...settings,
      },
      tools,
      emit: (event) => this.events.push(event),
    });
    void this.conversation.ended.then((end) => (this.end = end));
    this.conversation.start();
  }

  /** Passes frames until the condition holds or the conversation ends. */
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

let vendors: FakeVendors;
let harness: SocketHarness;
/** The next transcript of the server. */
let words = '';

beforeAll(async () => {
  vendors = await FakeVendors.start({ apiKey: 'key-1', recognizes: false, hears: () => words });
  // Synthesis takes time; the voices keep what they have made.
  for (const text of [GREETING, GOODBYE]) await vendors.voices.sayOnLine(text);
});

beforeEach(() => {
  vendors.faults.clear();
  vendors.connections = 0;
});

/** No socket is left open. */
afterEach(async () => {
  harness.conversation.stop();
  expect(harness.line.listeners.size).toBe(0);
  await vendors.until(({ sockets }) => sockets.size === 0);
});

afterAll(() => vendors.close());

const turns = (count: number) => harness.until(() => harness.script.length >= count);
const say = (text: string) => {
  words = text;
  harness.line.speaks(speech(1, 1));
};

it('has a conversation with a Realtime server: greeting, tool, answer and goodbye', async () => {
  const weather: Tool = {
    definition: { name: 'weather', description: 'The weather', parameters: { type: 'object' } },
    timeoutMs: 1_000,
    run: ({ city }) => Promise.resolve(`20 degrees in ${String(city)}`),
  };
  harness = new SocketHarness(vendors.url, {}, [endCall(), weather]);
  await turns(1);
  say('How is the weather, please?');
  await turns(3);
  say('Goodbye then.');
  await harness.until();
  expect(harness.script).toEqual([
    `agent: ${GREETING}`,
    'customer: How is the weather, please?',
    'agent: It will be sunny – about twenty degrees. Anything else?',
    'customer: Goodbye then.',
    `agent: ${GOODBYE}`,
  ]);
  expect(harness.events.filter(({ type }) => type === 'tool')).toMatchObject([
    { use: { name: 'weather', result: '20 degrees in Zürich “West”' } },
    { use: { name: 'end_call', error: null } },
  ]);
  expect(harness.end).toEqual({ reason: 'agent_hangup', detail: null });
  expect({ faults: harness.faults, connections: vendors.connections }).toEqual({ faults: [], connections: 1 });
});

it('continues with the same session after an interruption', async () => {
  harness = new SocketHarness(vendors.url, { interruptMs: 100 });
  // One second.
  await harness.until(() => harness.line.played.length > 8_000);
  say('Hello, who is speaking there?');
  await turns(3);
  expect(harness.script).toEqual([
    expect.stringMatching(/^agent: Hello, .+ -$/),
    'customer: Hello, who is speaking there?',
    'agent: Hello there! How may I help you today?',
  ]);
  expect({ faults: harness.faults, connections: vendors.connections }).toEqual({ faults: [], connections: 1 });
});

const waiting = (ms: number): Partial<ConversationSettings> => ({
  timeouts: { transcriptionMs: ms, modelFirstMs: ms, modelNextMs: ms, speechFirstMs: ms, speechNextMs: ms },
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

  it('ends the call with the failure message when it lasts', async () => {
    vendors.faults.always('realtime', fault);
    harness = new SocketHarness(vendors.url, means === 'timeout' ? waiting(100) : {});
    await harness.until();
    expect(harness.end).toMatchObject({ reason: 'error_llm_provider' });
    expect(harness.end?.detail).not.toContain(SECRET);
    expect(harness.faults).toEqual(again ? [`${means} retry`, `${means} give_up`] : [`${means} give_up`]);
    expect(harness.script.at(-1)).toBe(`agent: ${FAILURE_MESSAGE.text}`);
    expect(vendors.connections).toBe(again ? 2 : 1);
  });

  if (again)
    it('is retried when it happens once', async () => {
      vendors.faults.add('realtime', fault);
      // Only a silent server runs into the timeout.
      harness = new SocketHarness(vendors.url, means === 'timeout' ? waiting(2_000) : {});
      await turns(1);
      say('Goodbye then.');
      await harness.until();
      expect(harness.end?.reason).toBe('agent_hangup');
      expect(harness.script.at(-1)).toBe(`agent: ${GOODBYE}`);
      expect(harness.faults).toEqual([`${means} retry`]);
    });
});

it('ends the call when the connection is refused', async () => {
  harness = new SocketHarness(await refusingUrl(), { failureMessage: { text: '' } });
  await harness.until();
  expect(harness.end).toEqual({ reason: 'error_llm_provider', detail: expect.stringContaining('ECONNREFUSED') });
});

it('leaves nothing when the customer hangs up while the server stalls', async () => {
  vendors.faults.always('realtime', { kind: 'stall' });
  harness = new SocketHarness(vendors.url);
  await vendors.until(({ sockets }) => sockets.size === 1);
  await harness.conversation.hangUp();
  expect(harness.script).toEqual([]);
});
