export { AsyncSignal } from './async/async-signal.js';
export { Batcher } from './async/batcher.js';
export { BackgroundService } from './async/background-service.js';
export { EventQueue } from './async/event-queue.js';
export { JobRunner } from './async/job-runner.js';
export { PeriodicTask } from './async/periodic-task.js';
export { SerialQueue } from './async/serial-queue.js';
export { singleFlight } from './async/single-flight.js';
export { TimeoutError, withTimeout } from './async/with-timeout.js';
export { workerFile } from './async/worker-file.js';
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
export { Notifications } from './database/notifications.js';
export { DomainError, notFound } from './errors/domain-error.js';
export { messageOf } from './errors/message-of.js';
export { addressProblem, type OutboundRules } from './http-client/address-problem.js';
export { OutboundFailed, OutboundRefused } from './http-client/outbound-errors.js';
export { type OutboundGuard } from './http-client/outbound-guard.js';
export { OutboundHttp } from './http-client/outbound-http.js';
export { FastExpressAdapter } from './http/fast-express.adapter.js';
export {
  ChoiceField,
  ChoicesField,
  FlagField,
  IdField,
  IntegerField,
  JsonObjectField,
  NumberField,
  PageQuery,
  PhoneNumberField,
  QueryIntegerField,
  TextField,
  TimestampField,
} from './http/fields.js';
export { MapField, ObjectField, ObjectListField, RuleField, UnionListField } from './http/nested-fields.js';
export { fieldSchema, StrictShape } from './http/request-shape.js';
export { setUpHttp, type Tracked } from './http/http.setup.js';
export { type ApiInfo, buildOpenApi, serveOpenApi } from './http/openapi.js';
export { Operation, operationOf } from './http/operation.js';
export { Page } from './http/pagination.js';
export { envelope, StoredReply } from './http/reply.js';
export { mediaTypeOf, readUpload, type UploadRoute } from './http/upload.js';
export { firstIdAt, idTime, isId, newId } from './ids.js';
export { fitToSchema, schemaProblem } from './json-schema/json-schema.js';
export { findJsonProblem } from './json/plain-json.js';
export { createLog, Log, nestLogger } from './log.js';
export { ErrorFilter } from './http/error.filter.js';
export { HealthController } from './health/health.controller.js';
export { assertRedis, openQueue, type QueueConnection } from './queue.js';
export { SecretBox, SecretBoxError } from './secret-box.js';
export { fillIn, TemplateError } from './templates/templates.js';
export { parseTimestamp } from './timestamps.js';
