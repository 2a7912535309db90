export { MAY_BE_ASSESSED } from './analysis-jobs.js';
export { AnalysisModule } from './analysis.module.js';
