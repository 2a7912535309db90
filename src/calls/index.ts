export { type RebuildReport, rebuildCall, rebuildCalls } from './call-rebuild.js';
export { CallsApiModule, CallsModule, CallsWorkerModule } from './calls.module.js';
export { DispatchModule } from './dispatch/dispatch.module.js';
export { TURNS_TABLE } from './call-turns.js';
export { CALLS_PROJECTION } from './calls.projection.js';
export { Recordings } from './recordings/recordings.js';
