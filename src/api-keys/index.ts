export { type Caller } from './admission.js';
export { type Environment, ENVIRONMENTS, isWellFormedKey, type Scope, SCOPES } from './api-key.js';
export { ApiKeyEntity, OrganizationEntity } from './api-key.entity.js';
export { type AuthenticatedRequest } from './api-key.guard.js';
export { ApiKeysApiModule, ApiKeysModule } from './api-keys.module.js';
export { ApiKeysService, type IssuedKey } from './api-keys.service.js';
export { CallerParam } from './caller.decorator.js';
