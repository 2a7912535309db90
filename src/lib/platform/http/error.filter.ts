import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable, NotFoundException } from '@nestjs/common';
import { type Request, type Response } from 'express';
import { isDatabaseUnavailable } from '../database/database.js';
import { DomainError, ERROR_STATUS, type ErrorCode } from '../errors/domain-error.js';
import { Log } from '../log.js';
import { writeJson } from './fast-express.adapter.js';
import { errorEnvelope } from './reply.js';

/** The `type` of the errors that Express's body parser raises, in the words of the contract. */
const BODY_ERRORS: Readonly<Record<string, [ErrorCode, string]>> = {
  'entity.parse.failed': ['bad_request', 'The request body is not valid JSON'],
  'entity.too.large': ['payload_too_large', 'The request body is larger than 100 kB'],
  'encoding.unsupported': ['unsupported_media_type', 'The content encoding of the request body is not supported'],
  'charset.unsupported': ['unsupported_media_type', 'The request body must be UTF-8'],
  'request.aborted': ['bad_request', 'The request ended before its body had arrived'],
  'request.size.invalid': ['bad_request', 'The request body has not the size that Content-Length says'],
};

/** Writes every error in the contract's form. An unexpected error becomes `internal_error`. */
@Injectable()
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request & { requestId: string }>();
    const response = host.switchToHttp().getResponse<Response>();
    if (response.headersSent) {
      this.log.error({ requestId: request.requestId, err: error }, 'a response broke off');
      response.destroy();
      return;
    }
    const { status, code, message, details } = this.describe(error, request.requestId);
    if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
    if (status === 503 && code === 'internal_error') response.setHeader('Retry-After', '1');
    // Default; a route may have set a more precise Retry-After.
    if (status === 429 && !response.hasHeader('Retry-After')) response.setHeader('Retry-After', '10');
    writeJson(response, errorEnvelope(code, message, details, request.requestId), status);
  }

  private describe(error: unknown, requestId: string) {
    const known = toDomainError(error);
    if (known) {
      const { code, message, details } = known;
      return { status: ERROR_STATUS[code], code, message, details };
    }
    this.log.error({ requestId, err: error }, 'request failed');
    return isDatabaseUnavailable(error)
      ? { status: 503, code: 'internal_error', message: 'The service cannot reach its database; retry', details: null }
      : { status: 500, code: 'internal_error', message: 'Something went wrong on our side', details: null };
  }
}

function toDomainError(error: unknown): DomainError | undefined {
  if (error instanceof DomainError) return error;
  // A path that cannot be decoded names nothing.
  if (error instanceof URIError) return new DomainError('not_found', 'No such path');
  const known = BODY_ERRORS[(error as { type?: string } | undefined)?.type ?? ''];
  if (known) return new DomainError(...known);
  // Other failures of a body parser, such as bytes that do not match their Content-Encoding.
  if ((error as { status?: unknown } | undefined)?.status === 400)
    return new DomainError('bad_request', 'The request body could not be read');
  // Nest's word for a path without a route.
  return error instanceof NotFoundException ? new DomainError('not_found', 'No such path') : undefined;
}
