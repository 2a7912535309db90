/** Deterministic providers without key and network, for test mode, the demo and tests. */
import { decodeTones, encodeTones, SAMPLE_RATE } from '../../../lib/audio/index.js';
import {
  type Transcript,
  type TranscriptionOptions,
  type LanguageModel,
  type ModelEvent,
  type ModelMessage,
  type TextToSpeech,
  type SynthesisOptions,
  type ModelRequest,
  type ToolDefinition,
  type SpeechToText,
} from '../ports.js';

export interface ScriptedRule {
  /** Matches the last user message or tool result. */
  when: RegExp;
  /** The answer; `{topic}` stands for the topic in the prompt. */
  say: string;
  /** The tool call, when the tool is offered. An absent argument with an enum gets its first value. */
  call?: { name: string; arguments: object };
  /** Answer instead of `say` when the tool is not offered. */
  without?: string;
}

/**
 * The first matching rule applies. The rules answer the callees of the simulator (`telephony/simulator`): change both
 * together.
 */
export const SCRIPTED_RULES: readonly ScriptedRule[] = [
  { when: /^\[Keys pressed:/, say: 'Thank you, I have noted your keys. Is there anything else?' },
  { when: /^Not connected:/, say: 'I am sorry, nobody is free right now. Can I help you myself?' },
  {
    when: /\b(goodbye|bye|hang up|not interested)\b/i,
    say: 'Thank you for your time. Goodbye!',
    call: { name: 'end_call', arguments: { reason: 'The conversation is over' } },
  },
  {
    when: /\b(human|person|colleague|transfer)\b/i,
    say: 'One moment, I will connect you.',
    call: { name: 'transfer_call', arguments: {} },
    without: 'I am sorry, I cannot connect you from here. Shall somebody call you back?',
  },
  { when: /\bwhat('s| is) (this|it) about\b/i, say: 'I am calling about: {topic}. Do you have a minute?' },
  { when: /\b(hurry|make it short)\b/i, say: 'Of course, I will be brief. May I send you the details by email?' },
  { when: /\be-?mail\b/i, say: 'Gladly, you will have them today. Shall we call you again next week?' },
  { when: /\?\s*$/, say: 'Good question. I am a scripted voice and only know a few answers.' },
  { when: /\b(hello|hi|good (morning|afternoon|evening))\b/i, say: 'Hello! How can I help you today?' },
  { when: /\b(yes|sure|okay|ok)\b/i, say: 'Great, I have noted that. Is there anything else?' },
  { when: /\bno\b/i, say: 'All right. Have a nice day. Goodbye!', call: { name: 'end_call', arguments: {} } },
];

const OTHERWISE = 'I see. Please tell me more.';
/** "You call about: the quote of last week." */
const TOPIC = /\bcall(?:ing)? about:?\s+([^.!?\n]{1,100})/i;
const ANY_TOPIC = 'your request';
/** Characters of a token, roughly. */
const TOKEN = 4;

/** A language model of rules: equal messages get equal answers. */
export class ScriptedModel implements LanguageModel {
  readonly name = 'scripted';

  constructor(private readonly rules: readonly ScriptedRule[] = SCRIPTED_RULES) {}

  async *respond({ messages, tools, signal }: ModelRequest): AsyncGenerator<ModelEvent> {
    const last = messages.findLast(({ role }) => role === 'user' || role === 'tool');
    const rule = this.rules.find(({ when }) => when.test(last?.content ?? ''));
    const tool = tools.find(({ name }) => name === rule?.call?.name);
    const say = wordsOf(rule, tool !== undefined).replace('{topic}', () => topicOf(messages));
    for (const word of say.match(/\S+\s*/g) ?? []) {
      // As from a network, other tasks run between two parts.
      await Promise.resolve();
      signal.throwIfAborted();
      yield { type: 'text', text: word };
    }
    signal.throwIfAborted();
    if (tool && rule?.call) {
      const args = JSON.stringify({ ...firstChoices(tool), ...rule.call.arguments });
      yield { type: 'tool_call', call: { id: `call_${messages.length}`, name: tool.name, arguments: args } };
    }
    const asked = messages.reduce((sum, { content }) => sum + content.length, 0);
    yield { type: 'usage', inputTokens: Math.ceil(asked / TOKEN), outputTokens: Math.ceil(say.length / TOKEN) };
  }
}

function wordsOf(rule: ScriptedRule | undefined, mayCall: boolean): string {
  if (!rule) return OTHERWISE;
  return mayCall ? rule.say : (rule.without ?? rule.say);
}

function topicOf(messages: readonly ModelMessage[]): string {
  const prompt = messages.find(({ role }) => role === 'system')?.content ?? '';
  return TOPIC.exec(prompt)?.[1]?.trim() ?? ANY_TOPIC;
}

/** The first value of each argument with an enum. */
function firstChoices({ parameters }: ToolDefinition): Record<string, unknown> {
  const { properties } = parameters as { properties?: Record<string, { enum?: readonly unknown[] } | undefined> };
  const choices = Object.entries(properties ?? {}).map(([name, property]) => [name, property?.enum?.[0]] as const);
  return Object.fromEntries(choices.filter(([, choice]) => choice !== undefined));
}

/** Samples of one part: 100 ms. */
const PIECE = SAMPLE_RATE / 10;

/** Encodes text as tones (`tone-code.ts`) of the length of speech; `ScriptedSpeechToText` decodes them. */
export class ScriptedTextToSpeech implements TextToSpeech {
  readonly name = 'scripted';

  async *synthesize(text: string, { signal }: SynthesisOptions): AsyncGenerator<Int16Array> {
    const pcm = encodeTones(text);
    for (let at = 0; at < pcm.length; at += PIECE) {
      await Promise.resolve();
      signal.throwIfAborted();
      yield pcm.subarray(at, at + PIECE);
    }
  }
}

/** Decodes the tones of `ScriptedTextToSpeech`, also interrupted ones; other audio is silence. */
export class ScriptedSpeechToText implements SpeechToText {
  readonly name = 'scripted';

  async transcribe(utterance: Int16Array, { signal }: TranscriptionOptions): Promise<Transcript> {
    await Promise.resolve();
    signal.throwIfAborted();
    return { text: decodeTones(utterance), seconds: utterance.length / SAMPLE_RATE };
  }
}
