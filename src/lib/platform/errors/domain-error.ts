/** The codes of the public API with the HTTP status each one travels under. */
export const ERROR_STATUS = {
  bad_request: 400,
  validation_error: 400,
  unauthorized: 401,
  forbidden: 403,
  insufficient_scope: 403,
  not_found: 404,
  conflict: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  idempotency_mismatch: 422,
  rate_limit_exceeded: 429,
  internal_error: 500,
  not_implemented: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** What went wrong in words that a client may read. Nothing private belongs in `message` or `details`. */
export class DomainError extends Error {
  override readonly name = 'DomainError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: Readonly<Record<string, unknown>> | null = null,
  ) {
    super(message);
  }
}

/** The error for a resource that does not exist or belongs to another organization. */
export const notFound = (thing: string): DomainError => new DomainError('not_found', `${thing} not found`);
