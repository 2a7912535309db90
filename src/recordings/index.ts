export { FinishRecordings } from './finish-recordings.js';
export { RecordingsApiModule, RecordingsModule } from './recordings.module.js';
export { Recordings } from './recordings.js';
