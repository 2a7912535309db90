export { MAY_BE_ASSESSED } from './analysis-jobs.js';
export { AssessmentWorker } from './analysis.worker.js';
