export { ConversationRecorder } from './conversation-recorder.js';
export { type Prepared } from './preparation/call-preparation.js';
export { SessionMaintenanceWorker } from './session-maintenance.worker.js';
export { type SessionPlan } from './session-plan.js';
export { createSessionSupport, type SessionSupport } from './session-support.js';
