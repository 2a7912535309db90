export { DailyUse } from './daily-use.js';
export { ComplianceApiModule, ComplianceModule } from './compliance.module.js';
export { DiallingPolicyEntity } from './dialling-policy.entity.js';
export { DiallingPolicyService } from './dialling-policy.service.js';
export { SuppressionEntity } from './suppression.entity.js';
