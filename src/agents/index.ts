export { type AgentConfiguration } from './agent-configuration.js';
export { type AgentTool, type HttpTool, type TransferCallTool } from './agent-tools.js';
export { openSecrets } from './agent-secrets.js';
export { type AgentTexts, agentTexts, variablesOf } from './agent-texts.js';
export { AgentVersionEntity } from './agent-version.entity.js';
export { AgentEntity, EXAMPLE_AGENT_ID } from './agent.entity.js';
export { GREETING_UPLOAD } from './agents.controller.js';
export { AgentsApiModule, AgentsModule } from './agents.module.js';
export { type AgentForCalls, AgentsService } from './agents.service.js';
export {
  type Accounts,
  type StageName,
  type StageSettings,
  stagesFor,
  type StagesSettings,
  UnknownProvider,
  withVoices,
} from './stage-providers.js';
