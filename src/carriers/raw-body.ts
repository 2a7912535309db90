import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { DomainError } from '../lib/platform/index.js';

export type RawBody = Readonly<Record<string, unknown>>;

/**
 * Injects the body as it came, beside the request class that the `BodyPipe` has checked: for the few fields that
 * `fields.ts` has no decorator for, such as lists of objects. What is read from it is checked with `Problems`.
 */
export const RawBodyParam = createParamDecorator((_: unknown, context: ExecutionContext): RawBody => {
  const { body } = context.switchToHttp().getRequest<{ body: unknown }>();
  return typeof body === 'object' && body !== null ? (body as RawBody) : {};
});

/** What is wrong with a request, field by field. */
export class Problems {
  private readonly found: Record<string, string> = {};

  /** The first problem of a field is the one that is told. */
  add(field: string, problem: string): void {
    this.found[field] ??= problem;
  }

  /** @throws DomainError `validation_error` that names each bad field, if there is one */
  refuse(): void {
    const [first] = Object.entries(this.found);
    if (first) throw new DomainError('validation_error', first.join(' '), this.found);
  }
}
