import { type ConversationSettings } from '../../../src/voice/conversation-settings.js';
import { endCall, sendDtmf, transferCall } from '../../../src/voice/tools/call-tools.js';
import { type Tool, type ToolContext } from '../../../src/voice/tools/tool.js';
import { CascadeHarness } from './cascade-harness.js';
import { type ConversationHarness } from './conversation-harness.js';
import { random } from './random.js';
import { RealtimeHarness } from './realtime-harness.js';
import {
  type Answer,
  type Behaviour,
  CHARACTER_MS,
  type Plan,
  said,
  ScriptedModel,
  ScriptedSpeechToText,
  ScriptedTextToSpeech,
  StreamingSpeechToText,
  toolCall,
} from './scripted-providers.js';

const FAULTS = ['unavailable', 'rate_limited', 'timeout', 'denied', 'refused', 'stall', 'bug', 'empty'] as const;
const TEXTS = ['Yes.', 'Tuesday at nine is free. Which one do you prefer?', 'One moment please. I have to look it up.'];
const TOOLS = ['end_call', 'transfer_call', 'send_dtmf', 'slow', 'none'];
const CUSTOMER_TEXTS = ['Yes', 'No wait', 'I need an appointment', '', ''];
const LAST_ACTION_MS = 10_000;

/** A conversation whose providers, tools, faults and customer come from a seed. */
export interface ChaosRun {
  harness: ConversationHarness;
  /** What happens in the next 20 ms. */
  act: () => void;
  /** The customer hangs up at some time. */
  hangsUp: boolean;
  /** No provider fails. */
  faultless: boolean;
  /** Requests or sessions that are open. */
  open: () => number;
}

class Chance {
  constructor(readonly next: () => number) {}

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.next() * from.length)]!;
  }

  planOf(faultRate: number, maxPieces: number): Plan {
    return () => {
      const fails = this.next() < faultRate;
      const fault: Behaviour = fails ? { fault: this.pick(FAULTS), after: Math.floor(this.next() * maxPieces) } : {};
      return {
        ...fault,
        delayMs: this.pick([0, 0, 100, 700]),
        betweenMs: this.pick([0, 0, 50]),
        retryAfterMs: this.pick([0, 300, 9_000]),
      };
    };
  }

  answer(): Answer {
    if (this.next() < 0.75) return this.pick(TEXTS);
    const args = this.pick([{ to: '1', digits: '2', farewell: 'Bye.' }, '{']);
    return [...said(this.pick(['', ...TEXTS])), toolCall(this.pick(TOOLS), args, `c${this.next()}`)];
  }
}

function toolsOf(chance: Chance, { clock }: ConversationHarness): Tool[] {
  const call = {
    sendDtmf: () => (chance.next() < 0.5 ? Promise.resolve() : Promise.reject(new Error('no'))),
    transfer: () =>
      Promise.resolve(
        chance.next() < 0.5 ? ({ status: 'connected' } as const) : ({ status: 'refused', detail: 'busy' } as const),
      ),
  };
  const run = (_args: unknown, { signal }: ToolContext) =>
    new Promise<string>((resolve, reject) => {
      const cancel = clock.after(chance.pick([100, 5_000]), () => {
        resolve('done');
      });
      signal.addEventListener('abort', () => {
        cancel();
        reject(new Error('aborted'));
      });
    });
  const definition = { name: 'slow', description: '', parameters: {} };
  const slow = { definition, filler: chance.pick([undefined, 'One moment.']), timeoutMs: 2_000, run };
  return [endCall(), transferCall([{ number: '1', description: 'desk' }], call), sendDtmf(call), slow];
}

function settingsOf(chance: Chance, { line }: ConversationHarness): Partial<ConversationSettings> {
  const phrase = (text: string) => ({
    text,
    audio: chance.pick([undefined, line.vocabulary.speech(text, text.length * CHARACTER_MS, 'agent')]),
  });
  return {
    firstSpeaker: chance.pick(['agent', 'customer']),
    firstMessage: chance.pick([undefined, phrase('Hello, this is Anna.')]),
    notice: chance.pick([undefined, undefined, phrase('This call is recorded.')]),
    failureMessage: chance.pick([{ text: '' }, phrase('I am sorry.')]),
    silence: {
      afterMs: 1_500,
      prompt: phrase('Hello?'),
      times: 1,
      farewell: chance.pick([undefined, phrase('Bye then.')]),
    },
    // The long one is never reached by a conversation that does not hang.
    maxDurationMs: chance.pick([8_000, 600_000, 600_000]),
    durationWarning: chance.pick([undefined, { ...phrase('Not much time left.'), beforeMs: 3_000 }]),
    timeouts: { transcriptionMs: 900, modelFirstMs: 900, modelNextMs: 500, speechFirstMs: 900, speechNextMs: 500 },
  };
}

function actionOf(chance: Chance, { line, conversation }: ConversationHarness): () => void {
  return () => {
    if (line.atMs > LAST_ACTION_MS) return;
    if (chance.next() < 0.01) line.says(chance.pick(CUSTOMER_TEXTS), chance.pick([100, 300, 500, 1_500]));
    if (chance.next() < 0.001) conversation.dtmf(chance.pick(['1', '#']));
  };
}

export function cascadeRun(seed: number): ChaosRun {
  const chance = new Chance(random(seed));
  const faultRate = chance.pick([0, 0.05, 0.3]);
  const plan = chance.planOf(faultRate, 4);
  const all: { open: number }[] = [];
  const names = chance.next() < 0.5 ? ['a', 'b'] : ['a'];
  const pairOf = <P extends { open: number }>(make: (name: string) => P) => {
    const providers = names.map(make);
    all.push(...providers);
    return { primary: providers[0]!, fallback: providers[1] };
  };
  const SpeechToText = chance.pick([ScriptedSpeechToText, StreamingSpeechToText]);
  const harness = new CascadeHarness((own) => ({
    speechToText: pairOf((name) => new SpeechToText(name, own.clock, own.line.vocabulary, plan)),
    model: pairOf((name) => new ScriptedModel(name, own.clock, () => chance.answer(), plan)),
    textToSpeech: pairOf((name) => new ScriptedTextToSpeech(name, own.clock, own.line.vocabulary, plan)),
    tools: toolsOf(chance, own),
    settings: settingsOf(chance, own),
  }));
  return {
    harness,
    act: actionOf(chance, harness),
    hangsUp: chance.next() < 0.1,
    faultless: faultRate === 0,
    open: () => all.reduce((sum, { open }) => sum + open, 0),
  };
}

export function realtimeRun(seed: number): ChaosRun {
  const chance = new Chance(random(seed));
  const faultRate = chance.pick([0, 0.05, 0.3]);
  const plan = chance.planOf(faultRate, 8);
  const hearing: Plan = () => ({
    delayMs: chance.pick([0, 100, 700, 3_000]),
    ...(chance.next() < faultRate && { fault: chance.pick(['empty', 'stall'] as const) }),
  });
  const harness = new RealtimeHarness((own) => ({
    answer: () => chance.answer(),
    thinking: plan,
    phrases: plan,
    hearing,
    tools: toolsOf(chance, own),
    settings: settingsOf(chance, own),
  }));
  const act = actionOf(chance, harness);
  return {
    harness,
    act: () => {
      act();
      if (harness.line.atMs <= LAST_ACTION_MS && chance.next() < faultRate / 300)
        harness.model.sessions.at(-1)?.break(chance.pick(['unavailable', 'rate_limited']));
    },
    hangsUp: chance.next() < 0.1,
    faultless: faultRate === 0,
    open: () => harness.model.open,
  };
}
