import { type SpeechOutput } from '../turn/agent-turn.js';
import { FailureMessage } from '../pipeline/failure-message.js';
import { type Emit } from '../conversation-events.js';
import { type ConversationDeps } from './conversation-deps.js';
import { type ConversationSettings, conversationSettings } from '../conversation-settings.js';
import { ChatHistory } from '../turn/chat-history.js';
import { type ConversationLine } from '../../lib/audio/index.js';
import { CallClock } from './call-clock.js';
import { Playback } from '../turn/playback.js';
import { type LanguageModel, type SpeechToText } from '../providers/ports.js';
import { type CancellationScope } from '../cancellation-scope.js';
import { synthesizeWithFallback } from '../pipeline/cascade/speech-synthesis.js';
import { ProviderChain } from '../pipeline/provider-chain.js';

/** What a conversation works with, put together. */
export interface Equipment {
  settings: ConversationSettings;
  time: CallClock;
  history: ChatHistory;
  transcribers: ProviderChain<SpeechToText>;
  models: ProviderChain<LanguageModel>;
  mouth: SpeechOutput;
  apology: FailureMessage;
}

export function equip(
  line: ConversationLine,
  parts: ConversationDeps,
  scope: CancellationScope,
  { tell, broken }: { tell: Emit; broken: (error: unknown) => void },
): Equipment {
  const { clock } = scope;
  const settings = conversationSettings(parts.settings);
  const time = new CallClock(clock);
  const speakers = new ProviderChain('speech', parts.speakers, tell);
  return {
    settings,
    time,
    history: new ChatHistory(settings.instructions),
    transcribers: new ProviderChain('transcription', parts.transcribers, tell),
    models: new ProviderChain('model', parts.models, tell),
    mouth: {
      scope,
      playback: new Playback(line, clock, broken),
      now: time.now,
      synthesise: ({ text, samples }, own, arrived) =>
        synthesizeWithFallback(speakers, text, settings, tell, own, { from: samples, arrived }),
    },
    apology: new FailureMessage(settings, speakers, tell),
  };
}
