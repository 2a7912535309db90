import { type Answer } from './deliver.js';

/** What the laboratory's model answers. The first rule that matches counts; without one it says it did not understand. */
export interface LabRule {
  /** Matched against the last message. */
  when: RegExp;
  /** Matched against the system message as well, where it is given. */
  to?: RegExp;
  say?: string;
  /** Only those that are offered are called. */
  calls?: { name: string; arguments: object }[];
}

export const LAB_RULES: readonly LabRule[] = [
  { when: /\bgoodbye\b/i, say: 'Thank you. Goodbye!', calls: [{ name: 'end_call', arguments: {} }] },
  { when: /\bweather\b/i, calls: [{ name: 'weather', arguments: { city: 'Zürich “West”', days: 2 } }] },
  { when: /\bdegrees\b/i, say: 'It will be sunny – about twenty degrees. Anything else?' },
  { when: /\b(hello|hi)\b/i, say: 'Hello there! How may I help you today?' },
];

const OTHERWISE = 'Could you say that again, please?';

export interface ChatRequest {
  model?: string;
  messages?: { role: string; content: string | null }[];
  tools?: { function?: { name?: string } }[];
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
}

export interface Reply {
  say: string;
  calls: { id: string; type: 'function'; function: { name: string; arguments: string } }[];
}

/** @returns the answer in the form that was asked for; undefined for a request that makes no sense */
export function answerChat(request: ChatRequest, rules: readonly LabRule[]): Answer | undefined {
  if (!request.model || !Array.isArray(request.messages) || request.messages.length === 0) return undefined;
  const reply = replyTo(request, rules);
  const usage = usageOf(request, reply);
  if (!request.stream) return whole(reply, usage);
  const chunks = [{ role: 'assistant', content: '' }, ...deltasOf(reply)].map((delta) => chunk(delta, null));
  chunks.push(chunk({}, reply.calls.length > 0 ? 'tool_calls' : 'stop'));
  if (request.stream_options?.include_usage) chunks.push({ ...chunk({}, null), choices: [], usage });
  const events = [...chunks.map((each) => JSON.stringify(each)), '[DONE]'];
  return {
    type: 'text/event-stream; charset=utf-8',
    pieces: events.map((event) => Buffer.from(`data: ${event}\n\n`)),
    garbage: { type: 'text/event-stream', body: 'data: {"choices":[{"delta":{"con\n\ndata: [DONE]\n\n' },
  };
}

export function replyTo({ messages = [], tools = [] }: ChatRequest, rules: readonly LabRule[]): Reply {
  const last = messages.at(-1)?.content ?? '';
  const system = messages.find(({ role }) => role === 'system')?.content ?? '';
  const rule = rules.find(({ when, to }) => when.test(last) && (to?.test(system) ?? true));
  const offered = new Set(tools.map((tool) => tool.function?.name));
  const calls = (rule?.calls ?? []).filter(({ name }) => offered.has(name));
  return {
    say: rule?.say ?? (calls.length > 0 ? '' : OTHERWISE),
    calls: calls.map(({ name, arguments: given }, i) => ({
      id: `call_${messages.length}_${i}`,
      type: 'function',
      function: { name, arguments: JSON.stringify(given) },
    })),
  };
}

/** Words, then calls whose arguments come five characters at a time. */
function* deltasOf({ say, calls }: Reply): Generator<object> {
  for (const content of say.match(/\S+\s*/g) ?? []) yield { content };
  for (const [index, { id, type, function: called }] of calls.entries()) {
    yield { tool_calls: [{ index, id, type, function: { name: called.name, arguments: '' } }] };
    for (const part of called.arguments.match(/.{1,5}/gsu) ?? [])
      yield { tool_calls: [{ index, function: { arguments: part } }] };
  }
}

const chunk = (delta: object, finish_reason: string | null): Record<string, unknown> => ({
  id: 'chatcmpl-lab',
  object: 'chat.completion.chunk',
  created: 1_700_000_000,
  model: 'lab',
  choices: [{ index: 0, delta, finish_reason }],
});

function whole({ say, calls }: Reply, usage: object): Answer {
  const message = { role: 'assistant', content: say, ...(calls.length > 0 && { tool_calls: calls }) };
  const choices = [{ index: 0, message, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' }];
  const text = JSON.stringify({ id: 'chatcmpl-lab', object: 'chat.completion', model: 'lab', choices, usage });
  return jsonAnswer(text);
}

/** In two pieces, so that it can be cut. */
export const jsonAnswer = (text: string): Answer => ({
  type: 'application/json',
  pieces: [Buffer.from(text.slice(0, text.length >> 1)), Buffer.from(text.slice(text.length >> 1))],
  garbage: { type: 'application/json', body: '<html>oops' },
});

/** Tokens of four characters. */
export function usageOf({ messages = [] }: ChatRequest, { say, calls }: Reply) {
  const asked = messages.reduce((sum, { content }) => sum + (content ?? '').length, 0);
  const said = calls.reduce((sum, call) => sum + call.function.arguments.length, say.length);
  const [prompt_tokens, completion_tokens] = [Math.ceil(asked / 4), Math.ceil(said / 4)];
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}
