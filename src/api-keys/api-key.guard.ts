import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { type Request, type Response } from 'express';
import { DomainError, operationOf, type Tracked } from '../lib/platform/index.js';
import { type RateState, Authenticator, type Caller } from './authentication.js';
import { hashKey, isWellFormedKey, type Scope } from './api-key.js';

export type AuthenticatedRequest = Request & Tracked & { caller: Caller };

/** Guards every route. It denies a route without `@Operation`; a route that is not public requires a key with its scope. */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(private readonly admissions: Authenticator) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const scope = operationOf(context.getHandler())?.scope;
    if (scope === undefined) throw new DomainError('forbidden', 'This route is not open');
    if (scope === 'public') return true;
    const http = context.switchToHttp();
    return this.authorize(http.getRequest(), http.getResponse(), scope as Scope);
  }

  private async authorize(request: AuthenticatedRequest, response: Response, scope: Scope): Promise<boolean> {
    const admission = await this.admissions.admit(hashKey(keyIn(request)));
    if (admission.is === 'unknown') throw unauthorized();
    if (admission.is === 'unusable') throw new DomainError('forbidden', 'API key is inactive or expired');
    const { caller, rate } = admission;
    request.keyId = caller.keyId;
    request.caller = caller;
    if (rate) writeRateHeaders(response, rate);
    if (admission.is === 'limited' && rate) {
      response.setHeader('Retry-After', rate.resetsIn);
      throw new DomainError('rate_limit_exceeded', `Rate limit exceeded. Try again in ${rate.resetsIn} seconds`);
    }
    if (!caller.scopes.includes(scope))
      throw new DomainError('insufficient_scope', `API key does not have the required scope: ${scope}`);
    return true;
  }
}

function keyIn(request: Request): string {
  const [, key] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (key === undefined || !isWellFormedKey(key)) throw unauthorized();
  return key;
}

const unauthorized = (): DomainError =>
  new DomainError('unauthorized', 'API key is missing or unknown. Send it as: Authorization: Bearer rpl_…');

function writeRateHeaders(response: Response, { limit, remaining, resetsAt }: RateState): void {
  response.setHeader('X-RateLimit-Limit', limit);
  response.setHeader('X-RateLimit-Remaining', remaining);
  response.setHeader('X-RateLimit-Reset', resetsAt);
}
