import { type ConverseOptions } from './speech-to-speech.js';

/** What hears for the transcript, which the model itself does not need. */
const TRANSCRIBER = 'gpt-4o-mini-transcribe';

/** The settings of a Realtime session: the line's codec both ways, and turns that we decide. */
export function sessionOf({ instructions, tools, voice, language }: ConverseOptions): object {
  const format = { type: 'audio/pcmu' };
  const primary = language?.split('-')[0];
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
