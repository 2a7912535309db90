export { AgentEntity } from './agent.entity.js';
export { AgentsApiModule, AgentsModule } from './agents.module.js';
export { AgentsService } from './agents.service.js';
