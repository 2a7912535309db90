export * from './agent-configuration.js';
export { openSecrets } from './agent-secrets.js';
export { AgentVersionEntity } from './agent-version.entity.js';
export { AgentEntity, EXAMPLE_AGENT_ID } from './agent.entity.js';
export { AgentsApiModule, AgentsModule } from './agents.module.js';
export { type AgentForCalls, AgentsService } from './agents.service.js';
export { fitToSchema, schemaProblem } from './answer-schema.js';
export { ProviderAccountEntity, type ProviderKind } from './provider-accounts/provider-account.entity.js';
export { type ProviderAccount, ProviderAccountsService } from './provider-accounts/provider-accounts.service.js';
