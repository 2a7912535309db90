import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { type Caller } from './authentication.js';
import { type AuthenticatedRequest } from './api-key.guard.js';

/** Injects the caller of the request into a handler. */
export const CallerParam = createParamDecorator(
  (_: unknown, context: ExecutionContext): Caller => context.switchToHttp().getRequest<AuthenticatedRequest>().caller,
);
