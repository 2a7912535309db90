export { FinishRecordings } from './finish-recordings.js';
export { RecordingsController } from './recordings.controller.js';
export { Recordings } from './recordings.js';
