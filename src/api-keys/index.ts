export { ApiKeyEntity, OrganizationEntity } from './api-key.entity.js';
export { type AuthenticatedRequest } from './api-key.guard.js';
export { type Environment, ENVIRONMENTS, type Scope, SCOPES } from './api-key.js';
export { ApiKeysApiModule, ApiKeysModule } from './api-keys.module.js';
export { ApiKeysService, type IssuedKey } from './api-keys.service.js';
export { type Caller } from './authentication.js';
export { CallerParam } from './caller.decorator.js';
