export { CallCommands } from './call-commands.js';
export {
  type AgentUsed,
  type Assessment,
  type CallFacts,
  type DisconnectionReason,
  type Environment,
  type Screening,
  SENTIMENTS,
  type TokenUsage,
  type ToolUse,
} from './call-events.js';
export { type EventPayload, eventPayloads } from './call-payload.js';
export { CallStoreModule } from './call-store.module.js';
export { type CallCommand } from './call.js';
export { type CallState } from './call-state.js';
export { CallsApiModule, CallsModule, CallsWorkerModule } from './calls.module.js';
export { CallsService } from './calls.service.js';
export { costOf, type RateCard } from './cost.js';
export { responsibleFor } from './disconnection-reasons.js';
export { rebuildCall, rebuildCalls } from './maintenance/call-rebuild.js';
export { countDeferrals, lastAttempt } from './queries/call-attempts.js';
export { loadTurns, saveTurn, type Turn, TURNS_TABLE } from './queries/call-turns.js';
export { saveUsage, usageOf } from './queries/call-usage.js';
export { RecordingLinks } from './recording-links.js';
export { dialTaskId } from './task-id.js';
