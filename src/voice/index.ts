export { Announcement, type AnnouncementScript } from './announcement.js';
export { type ConversationEvent, type ToolUse, type Turn, type Usage } from './conversation-events.js';
export { conversationSettings, type ConversationSettings } from './conversation-settings.js';
export { Conversation } from './conversation/conversation.js';
export { CascadePipeline } from './pipeline/cascade/cascade-pipeline.js';
export { type PipelineFactory } from './pipeline/pipeline.js';
export { RealtimePipeline } from './pipeline/realtime/realtime-pipeline.js';
export { type Clock } from './clock.js';
export { type ProviderPair } from './pipeline/provider-chain.js';
export { presynthesize } from './presynthesize.js';
export { type LanguageModel, ProviderError } from './providers/ports.js';
export { type ProviderSettings } from './providers/provider-settings.js';
export { type ProviderTimeouts } from './providers/provider-timeouts.js';
export {
  createLanguageModel,
  createTextToSpeech,
  createRealtimeModel,
  createSpeechToText,
} from './providers/providers.js';
export { endCall, leaveVoicemail, sendDtmf, transferCall } from './tools/call-tools.js';
export { type Tool } from './tools/tool.js';
export { type VoiceSession } from './voice-session.js';
export { VoicemailAwareSession } from './voicemail-aware-session.js';
