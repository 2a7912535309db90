export { RecordingFinisher } from './recording-finisher.js';
export { RecordingsApiModule, RecordingsModule } from './recordings.module.js';
export { Recordings } from './recordings.js';
