export { FinishRecordings } from './finish-recordings.js';
export { RecordingsController } from './recordings.controller.js';
export { Recordings } from './recordings.js';
export { parseS3Location, type S3Location } from './s3-location.js';
