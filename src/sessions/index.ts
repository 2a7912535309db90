export { TalkNotes } from './conversation-recorder.js';
export { type Prepared } from './preparation/call-preparation.js';
export { LiveUpkeepWorker } from './session-maintenance.worker.js';
export { type TalkPlan } from './session-plan.js';
export { createTalkSupport, type TalkSupport } from './session-support.js';
