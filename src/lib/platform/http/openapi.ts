import { type INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { ERROR_STATUS, type ErrorCode } from '../errors/domain-error.js';

/** The parts of the document that the application supplies. */
export interface ApiInfo {
  title: string;
  description: string;
  /** What to send as bearer token. */
  authorization: string;
}

interface Operation {
  security?: unknown[];
  requestBody?: { content?: Record<string, MediaType> };
  parameters?: { in: string }[];
  responses: Record<string, { description: string; content?: Record<string, MediaType> }>;
}
interface MediaType {
  schema?: Schema;
  example?: unknown;
}
interface Schema {
  $ref?: string;
  example?: unknown;
  type?: string;
  items?: Schema;
  properties?: Record<string, Schema>;
  allOf?: Schema[];
  nullable?: boolean;
}

const ERROR_EXAMPLES: Partial<Record<ErrorCode, string>> = {
  bad_request: 'The request body is not valid JSON',
  validation_error: 'agentId, toNumber, and fromNumber are required',
  unauthorized: 'API key is missing or unknown',
  forbidden: 'API key is inactive or expired',
  not_found: 'Call not found',
  conflict: 'The call is already over: cancelled',
  payload_too_large: 'The request body is larger than 100 kB',
  unsupported_media_type: 'Send the body as JSON with Content-Type: application/json',
  idempotency_mismatch: 'This Idempotency-Key was used with another request body',
  rate_limit_exceeded: 'Rate limit exceeded. Try again in 12 seconds',
  internal_error: 'Something went wrong on our side',
};

/** Builds the OpenAPI document of the application and adds the common parts of all operations to each. */
export function buildOpenApi(app: INestApplication, { title, description, authorization }: ApiInfo): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle(title)
    .setDescription(description)
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: authorization })
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (_controller, method) => method,
  });
  document.components ??= {};
  document.components.schemas = { ...document.components.schemas, ...SHARED_SCHEMAS };
  const schemas = document.components.schemas as Record<string, Schema>;
  for (const path of Object.values(document.paths))
    for (const operation of Object.values(path) as Operation[]) finish(operation, schemas);
  return document;
}

/** Serves the document, and Swagger UI for it. */
export function serveOpenApi(app: INestApplication, info: ApiInfo): void {
  SwaggerModule.setup('docs', app, () => buildOpenApi(app, info), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: info.title,
    swaggerOptions: { persistAuthorization: true, displayRequestDuration: true, tryItOutEnabled: true },
  });
}

const SHARED_SCHEMAS = {
  Pagination: {
    type: 'object',
    required: ['page', 'limit', 'total', 'totalPages'],
    properties: {
      page: { type: 'integer', example: 1 },
      limit: { type: 'integer', example: 20 },
      total: { type: 'integer', example: 150 },
      totalPages: { type: 'integer', example: 8 },
    },
  },
  Error: {
    type: 'object',
    required: ['error', 'requestId'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message', 'details'],
        properties: {
          code: { type: 'string', enum: Object.keys(ERROR_STATUS) },
          message: { type: 'string', description: 'For people; may change' },
          details: {
            type: 'object',
            nullable: true,
            additionalProperties: true,
            description: 'Each bad field and why',
          },
        },
      },
      requestId: { type: 'string' },
    },
  },
};

function finish(operation: Operation, schemas: Record<string, Schema>): void {
  const hasInput = operation.requestBody !== undefined || operation.parameters?.some((each) => each.in === 'query');
  const common: ErrorCode[] = [
    ...(operation.requestBody ? (['bad_request', 'payload_too_large', 'unsupported_media_type'] as const) : []),
    ...(hasInput ? (['validation_error'] as const) : []),
    ...(operation.security
      ? (['unauthorized', 'forbidden', 'insufficient_scope', 'rate_limit_exceeded'] as const)
      : []),
    'internal_error',
  ];
  for (const code of common) addError(operation, code);
  operation.responses['503'] ??= {
    description: 'internal_error: the database cannot be reached; retry',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  };
  for (const [status, response] of Object.entries(operation.responses)) addExample(status, response, schemas);
  for (const media of Object.values(operation.requestBody?.content ?? {}))
    media.example ??= media.schema && exampleOf(media.schema, schemas);
}

function addError(operation: Operation, code: ErrorCode): void {
  const response = (operation.responses[String(ERROR_STATUS[code])] ??= { description: '' });
  const codes = new Set(response.description.split(', ').filter(Boolean)).add(code);
  response.description = [...codes].join(', ');
  response.content ??= { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } };
}

function addExample(status: string, response: Operation['responses'][string], schemas: Record<string, Schema>): void {
  const code = response.description.split(/[,:]/)[0] as ErrorCode;
  const requestId = 'req-4f1c2a52-6d3e-4d0b-9a53-0c6a4b1d7e10';
  for (const media of Object.values(response.content ?? {}))
    media.example ??=
      Number(status) < 400
        ? media.schema && exampleOf(media.schema, schemas)
        : { error: { code, message: ERROR_EXAMPLES[code] ?? code, details: null }, requestId };
}

/** An example put together from the examples of a schema's parts. */
function exampleOf(schema: Schema, schemas: Record<string, Schema>): unknown {
  if (schema.example !== undefined) return schema.example;
  const target = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (target) return exampleOf(schemas[target.split('/').at(-1) ?? ''] ?? {}, schemas);
  if (schema.type === 'array') return schema.items ? [exampleOf(schema.items, schemas)] : [];
  if (!schema.properties) return undefined;
  return Object.fromEntries(
    Object.entries(schema.properties)
      .map(([name, part]) => [name, exampleOf(part, schemas)] as const)
      .filter(([, example]) => example !== undefined),
  );
}
