export { MAY_BE_ASSESSED } from './analysis/assessment-jobs.js';
export { CALL_EVENT_TYPES, type CallEventType } from './call-events.js';
export { type RebuildReport, rebuildCall, rebuildCalls } from './call-rebuild.js';
export { type CallReport, type ReportedEvent, reportEvents } from './call-report.js';
export { CallsApiModule, CallsModule, CallsWorkerModule } from './calls.module.js';
export { DispatchModule } from './dispatch/dispatch.module.js';
export { TURNS_TABLE } from './call-turns.js';
export { CALLS_PROJECTION } from './calls.projection.js';
export { Recordings } from './recordings/recordings.js';
