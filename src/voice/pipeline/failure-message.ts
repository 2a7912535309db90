import { congestionTone } from '../../lib/audio/index.js';
import { type Phrase } from '../conversation-settings.js';
import { type UtteranceSource } from '../turn/agent-turn.js';
import { scripted } from '../turn/scripted-source.js';

/** The recorded message, or a tone where there is no recording: callers wait on silence. undefined: no message is wanted. */
export function failureMessageOf({ text, audio }: Phrase): UtteranceSource | undefined {
  if (audio) return scripted({ text, audio });
  return text ? scripted({ text: '', audio: congestionTone() }) : undefined;
}
