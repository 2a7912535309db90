import { type Mouth } from './agent-turn.js';
import { Apology } from './failure-message.js';
import { type Tell } from './conversation-events.js';
import { type ConversationParts } from './conversation-deps.js';
import { type ConversationSettings, conversationSettings } from './conversation-settings.js';
import { History } from './chat-history.js';
import { type Line } from '../../lib/audio/index.js';
import { LineTime } from './call-clock.js';
import { Playback } from './playback.js';
import { type LanguageModel, type Transcriber } from '../providers/ports.js';
import { type Scope } from '../pipeline/cancellation-scope.js';
import { speak } from '../pipeline/cascade/speech-synthesis.js';
import { Stage } from '../pipeline/provider-chain.js';

/** What a conversation works with, put together. */
export interface Equipment {
  settings: ConversationSettings;
  time: LineTime;
  history: History;
  transcribers: Stage<Transcriber>;
  models: Stage<LanguageModel>;
  mouth: Mouth;
  apology: Apology;
}

export function equip(
  line: Line,
  parts: ConversationParts,
  scope: Scope,
  { tell, broken }: { tell: Tell; broken: (error: unknown) => void },
): Equipment {
  const { clock } = scope;
  const settings = conversationSettings(parts.settings);
  const time = new LineTime(clock);
  const speakers = new Stage('speech', parts.speakers, tell);
  return {
    settings,
    time,
    history: new History(settings.instructions),
    transcribers: new Stage('transcription', parts.transcribers, tell),
    models: new Stage('model', parts.models, tell),
    mouth: {
      scope,
      playback: new Playback(line, clock, broken),
      now: time.now,
      synthesise: ({ text, samples }, own, arrived) =>
        speak(speakers, text, settings, tell, own, { from: samples, arrived }),
    },
    apology: new Apology(settings, speakers, tell),
  };
}
