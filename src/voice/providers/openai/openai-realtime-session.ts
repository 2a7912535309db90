import { type RealtimeOptions, type ModelMessage, type RealtimeResponseOptions } from '../ports.js';

/** Model of the transcript; the realtime model does not need one. */
const TRANSCRIBER = 'gpt-4o-mini-transcribe';

/**
 * The settings of a Realtime session: the call's codec in both directions, and no turn detection, which is ours. The API has
 * no temperature.
 */
export function sessionOf({ messages, tools, voice, language }: RealtimeOptions): object {
  const format = { type: 'audio/pcmu' };
  const primary = language?.split('-')[0];
  const instructions = messages.flatMap(({ role, content }) => (role === 'system' ? [content] : [])).join('\n\n');
  return {
    type: 'realtime',
    instructions,
    output_modalities: ['audio'],
    audio: {
      input: {
        format,
        transcription: { model: TRANSCRIBER, ...(primary && { language: primary }) },
        turn_detection: null,
      },
      output: { format, voice },
    },
    tools: tools.map((tool) => ({ type: 'function', ...tool })),
  };
}

/** A message as items of the conversation; instructions have none. */
export function itemsOf(message: ModelMessage): object[] {
  if (message.role === 'system') return [];
  if (message.role === 'tool')
    return [{ type: 'function_call_output', call_id: message.toolCallId, output: message.content }];
  const calls = message.role === 'assistant' ? (message.toolCalls ?? []) : [];
  const type = message.role === 'user' ? 'input_text' : 'output_text';
  const said = { type: 'message', role: message.role, content: [{ type, text: message.content }] };
  return [
    ...(message.content ? [said] : []),
    ...calls.map(({ id, name, arguments: given }) => ({ type: 'function_call', call_id: id, name, arguments: given })),
  ];
}

/** The options of one turn. */
export const responseOf = ({ instructions, mayUseTools }: RealtimeResponseOptions): object => ({
  ...(instructions !== undefined && { instructions }),
  ...(!mayUseTools && { tool_choice: 'none' }),
});
