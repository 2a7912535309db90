export { MAY_BE_ASSESSED } from './analysis-jobs.js';
export { AnalysisWorker } from './analysis.worker.js';
