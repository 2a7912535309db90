export { AgentEntity, EXAMPLE_AGENT_ID } from './agent.entity.js';
export { AgentsApiModule, AgentsModule } from './agents.module.js';
export { type AgentForCalls, AgentsService } from './agents.service.js';
export { fitToSchema, schemaProblem } from './answer-schema.js';
export { citationText, type Passage } from './knowledge/citation-text.js';
export { KnowledgeBasesService } from './knowledge/knowledge-bases.service.js';
export { KnowledgeSearch } from './knowledge/knowledge-search.js';
