/** Providers without a key, a network or chance: for test mode, the demo and tests. */
import { SAMPLE_RATE } from '../../platform/audio/index.js';
import {
  type Heard,
  type HearOptions,
  type LanguageModel,
  type ModelEvent,
  type Speaker,
  type SpeakOptions,
  type ThinkOptions,
  type Transcriber,
} from '../ports.js';
import { decodeTones, encodeTones } from './tone-code.js';

export interface ScriptedRule {
  /** Matched against the last thing that was said, or the result of a tool. */
  when: RegExp;
  /** May be empty. */
  say: string;
  /** Used only if the tool is offered. */
  call?: { name: string; arguments: object };
}

/** The first that matches counts. */
export const SCRIPTED_RULES: readonly ScriptedRule[] = [
  {
    when: /\b(goodbye|bye|hang up|not interested)\b/i,
    say: 'Thank you for your time. Goodbye!',
    call: { name: 'end_call', arguments: { reason: 'The conversation is over' } },
  },
  {
    when: /\b(human|person|colleague|transfer)\b/i,
    say: 'One moment, I will connect you.',
    call: { name: 'transfer_call', arguments: {} },
  },
  { when: /\?\s*$/, say: 'Good question. I am a scripted voice and only know a few answers.' },
  { when: /\b(hello|hi|good (morning|afternoon|evening))\b/i, say: 'Hello! How can I help you today?' },
  { when: /\b(yes|sure|okay|ok)\b/i, say: 'Great. Is there anything else?' },
  { when: /\bno\b/i, say: 'All right. Have a nice day. Goodbye!', call: { name: 'end_call', arguments: {} } },
];

const OTHERWISE = 'I see. Please tell me more.';
/** About what a token is, characters. */
const TOKEN = 4;

/** A language model by rules: the same words always get the same answer. */
export class ScriptedModel implements LanguageModel {
  readonly name = 'scripted';

  constructor(private readonly rules: readonly ScriptedRule[] = SCRIPTED_RULES) {}

  async *respond({ messages, tools, signal }: ThinkOptions): AsyncGenerator<ModelEvent> {
    const last = messages.findLast(({ role }) => role === 'user' || role === 'tool');
    const rule = this.rules.find(({ when }) => when.test(last?.content ?? ''));
    const say = rule?.say ?? OTHERWISE;
    for (const word of say.match(/\S+\s*/g) ?? []) {
      // As from a network: others have their turn in between.
      await Promise.resolve();
      signal.throwIfAborted();
      yield { type: 'text', text: word };
    }
    signal.throwIfAborted();
    const call = tools.some(({ name }) => name === rule?.call?.name) ? rule?.call : undefined;
    const id = `call_${messages.length}`;
    if (call) yield { type: 'tool_call', call: { id, name: call.name, arguments: JSON.stringify(call.arguments) } };
    const asked = messages.reduce((sum, { content }) => sum + content.length, 0);
    yield { type: 'usage', inputTokens: Math.ceil(asked / TOKEN), outputTokens: Math.ceil(say.length / TOKEN) };
  }
}

/** Samples at once: 100 ms. */
const PIECE = SAMPLE_RATE / 10;

/** Says text in tones (`tone-code.ts`), as long as a voice would need, which `ScriptedTranscriber` understands. */
export class ScriptedSpeaker implements Speaker {
  readonly name = 'scripted';

  async *speak(text: string, { signal }: SpeakOptions): AsyncGenerator<Int16Array> {
    const pcm = encodeTones(text);
    for (let at = 0; at < pcm.length; at += PIECE) {
      await Promise.resolve();
      signal.throwIfAborted();
      yield pcm.subarray(at, at + PIECE);
    }
  }
}

/** Understands `ScriptedSpeaker`, also one that was interrupted; anything else is silence to it. */
export class ScriptedTranscriber implements Transcriber {
  readonly name = 'scripted';

  async transcribe(utterance: Int16Array, { signal }: HearOptions): Promise<Heard> {
    await Promise.resolve();
    signal.throwIfAborted();
    return { text: decodeTones(utterance), seconds: utterance.length / SAMPLE_RATE };
  }
}
