export { DailyUse } from './daily-use.js';
export { DiallingPolicyController } from './dialling-policy.controller.js';
export { DiallingPolicyEntity } from './dialling-policy.entity.js';
export { DiallingPolicyService } from './dialling-policy.service.js';
export { SuppressionEntity } from './suppression.entity.js';
export { SuppressionsController } from './suppressions.controller.js';
export { SuppressionsService } from './suppressions.service.js';
