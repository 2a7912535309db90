import { type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { type ValidationError, validateSync } from 'class-validator';
import { DomainError } from '../errors/domain-error.js';
import { findJsonProblem } from '../json/plain-json.js';
import { isRequestShape, readRequest, requiredFields } from './fields.js';

/**
 * Turns a body or query into the class that the route declares, or refuses it naming each bad field. Fields that the
 * class does not know are dropped: clients written for a newer server keep working.
 */
export class BodyPipe implements PipeTransform {
  transform(value: unknown, { metatype, type }: ArgumentMetadata): unknown {
    if (!metatype || !isRequestShape(metatype)) return value;
    if (type === 'body') assertJsonObject(value);
    const request = readRequest(metatype as new () => object, value ?? {});
    const errors = validateSync(request, { stopAtFirstError: true });
    if (errors.length > 0) throw refusal(metatype, errors);
    return request;
  }
}

function assertJsonObject(body: unknown): void {
  if (body === undefined) return;
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new DomainError('bad_request', 'The request body must be a JSON object');
  const problem = findJsonProblem(body);
  if (problem)
    throw new DomainError('validation_error', `${problem.path} ${problem.problem}`, {
      [problem.path]: problem.problem,
    });
}

function refusal(shape: object, errors: ValidationError[]): DomainError {
  const details = Object.fromEntries(errors.flatMap((error) => explain(error, '')));
  const required = requiredFields(shape);
  const missing = errors.some(({ property, value }) => required.includes(property) && isMissing(value));
  return new DomainError('validation_error', missing ? requiredMessage(required) : firstLine(details), details);
}

const isMissing = (value: unknown): boolean => value === undefined || value === null || value === '';

function explain(error: ValidationError, parent: string): [string, string][] {
  const path = parent
    ? /^\d+$/.test(error.property)
      ? `${parent}[${error.property}]`
      : `${parent}.${error.property}`
    : error.property;
  const own = Object.values(error.constraints ?? {})
    .slice(0, 1)
    .map((message): [string, string] => [path, message]);
  return [...own, ...(error.children ?? []).flatMap((child) => explain(child, path))];
}

const firstLine = (details: Record<string, string>): string =>
  Object.entries(details).map(([path, problem]) => `${path} ${problem}`)[0] ?? 'The request is not valid';

/** The contract's words: `agentId, toNumber, and fromNumber are required`. */
function requiredMessage(fields: readonly string[]): string {
  const list = new Intl.ListFormat('en', { type: 'conjunction' }).format(fields);
  return `${list} ${fields.length > 1 ? 'are' : 'is'} required`;
}
