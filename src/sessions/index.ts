export { ConversationRecorder } from './conversation-recorder.js';
export { type PreparationResult } from './preparation/call-preparation.js';
export { type SessionPlan } from './session-plan.js';
export { Sessions } from './sessions.js';
export { SessionsModule } from './sessions.module.js';
