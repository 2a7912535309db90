export { parseWav, readWav, repairWav, resample, writeWav } from './audio/index.js';
export { Coalescer, type CoalescerOptions } from './coalescer.js';
export { BatchedLookup } from './database/batched-lookup.js';
export {
  Database,
  isRefusedByDatabase,
  type NamedStatement,
  openDatabase,
  poolOf,
  violatedConstraint,
} from './database/database.js';
export { migrate } from './database/migrations.js';
export { startEmbeddedPostgres } from './database/embedded-postgres.js';
export { DomainError, ERROR_STATUS, type ErrorCode, notFound } from './domain-error.js';
export { FastExpressAdapter } from './http/fast-express.adapter.js';
export * from './http/fields.js';
export { setUpHttp, type Tracked } from './http/http.setup.js';
export { buildOpenApi, serveOpenApi } from './http/openapi.js';
export { Operation, operationOf, type OperationOptions } from './http/operation.js';
export { StoredReply, envelope } from './http/reply.js';
export { mediaTypeOf, readUpload } from './http/upload.js';
export { firstIdAt, idTime, isId, newId } from './ids.js';
export { createLog, Log, nestLogger } from './log.js';
export {
  addressProblem,
  headerProblem,
  type OutboundAnswer,
  OutboundFailed,
  type OutboundFailure,
  type OutboundGuard,
  OutboundHttp,
  type OutboundRequest,
  type OutboundRules,
  OutboundRefused,
} from './outbound/index.js';
export { Page } from './pagination.js';
export { PeriodicTask } from './periodic-task.js';
export { oneAtATime } from './one-at-a-time.js';
export { assertRedis, openQueue, type QueueConnection } from './queue.js';
export { SecretBox, SecretBoxError } from './secret-box.js';
export { Wakeups } from './wakeups.js';
export { PlatformModule } from './platform.module.js';
export { CONFIG, InjectConfig } from './platform.module.js';
export { findJsonProblem } from './plain-json.js';
export { parseTimestamp } from './timestamps.js';
