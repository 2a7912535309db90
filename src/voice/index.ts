export {
  Announcement,
  type AnnouncementEnd,
  type AnnouncementScript,
  MACHINE_CHOICES,
  type MachineChoice,
} from './announcement.js';
export { AgentTalk, type MachineScript } from './agent-talk.js';
export { type ConversationEvent } from './conversation-events.js';
export { type ConversationParts } from './conversation-parts.js';
export { type FilledIn, fillIn, TemplateError } from './fill-in.js';
export { type Clock } from './clock.js';
export { say } from './say.js';
export { type Providers } from './with-fallback.js';
export { type Line } from './line.js';
export * from './providers/index.js';
export { type LanguageModel, ProviderError, type Speaker, type SpeechToSpeech, type Transcriber } from './ports.js';
export { type Talk } from './talk.js';
export {
  type CallControl,
  endCall,
  leaveVoicemail,
  sendDtmf,
  transferCall,
  type TransferTarget,
} from './call-tools.js';
export { Conversation } from './conversation.js';
export {
  type ConversationEnd,
  type StageFault,
  type ToolUse,
  type Turn,
  type TurnLatency,
  type Usage,
} from './conversation-events.js';
export { type ConversationSettings, conversationSettings, type Phrase } from './conversation-settings.js';
export { RealtimeConversation } from './realtime-conversation.js';
export { type RealtimeParts } from './realtime-parts.js';
export { type Tool, type ToolContext } from './tool.js';
