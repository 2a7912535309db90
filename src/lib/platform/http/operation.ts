import { applyDecorators, HttpCode, SetMetadata, type Type } from '@nestjs/common';
import { ApiBearerAuth, ApiExtraModels, ApiOperation, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { ERROR_STATUS, type ErrorCode } from '../errors/domain-error.js';

const OPERATION = 'outdial:operation';

export interface OperationOptions {
  /** The scope that a key needs; `public` needs no key. The guard refuses routes without this decorator. */
  scope: string;
  /** What the endpoint does, in a few words. */
  summary: string;
  description?: string;
  /** The status of success; default 200. */
  status?: number;
  /** The class of `data`, or of its items. */
  returns: Type;
  /** `page`: items with `pagination`; `items`: a plain array. */
  list?: 'page' | 'items';
  /** The media type of the answer when it is not an envelope in JSON. */
  produces?: string;
  /** Errors of this operation; the document adds those of every operation. */
  errors?: readonly ErrorCode[];
}

/** Scope, result, errors and documentation of an endpoint, in one place. */
export function Operation(options: OperationOptions): MethodDecorator {
  const { scope, summary, description, status = 200, returns, list, produces, errors = [] } = options;
  const open = scope === 'public';
  return applyDecorators(
    SetMetadata(OPERATION, options),
    HttpCode(status),
    ApiExtraModels(returns),
    ApiOperation({
      summary,
      description: [description, open ? 'No key needed.' : `Required scope: \`${scope}\`.`]
        .filter(Boolean)
        .join('\n\n'),
      ...(open ? {} : ({ 'x-required-scope': scope } as object)),
    }),
    ...(open ? [] : [ApiBearerAuth()]),
    ApiResponse({
      status,
      description: 'Success',
      content: produces
        ? { [produces]: { schema: { $ref: getSchemaPath(returns) } } }
        : { 'application/json': { schema: successSchema(returns, list) } },
    }),
    ...errorResponses(errors),
  );
}

/** The options of a handler's decorator; undefined for a handler without one. */
export const operationOf = (handler: object): OperationOptions | undefined =>
  Reflect.getMetadata(OPERATION, handler) as OperationOptions | undefined;

function successSchema(returns: Type, list: OperationOptions['list']) {
  const item = { $ref: getSchemaPath(returns) };
  const pagination = { $ref: '#/components/schemas/Pagination' };
  return {
    type: 'object' as const,
    required: ['data', ...(list === 'page' ? ['pagination'] : []), 'requestId'],
    properties: {
      data: list ? { type: 'array' as const, items: item } : item,
      ...(list === 'page' ? { pagination } : {}),
      requestId: { type: 'string' as const, example: 'req-4f1c2a52-6d3e-4d0b-9a53-0c6a4b1d7e10' },
    },
  };
}

/** One response for each status, with the error codes that have it. */
function errorResponses(codes: readonly ErrorCode[]): MethodDecorator[] {
  const statuses = new Set(codes.map((code) => ERROR_STATUS[code]));
  return [...statuses].map((status) =>
    ApiResponse({
      status,
      description: codes.filter((code) => ERROR_STATUS[code] === status).join(', '),
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    }),
  );
}
