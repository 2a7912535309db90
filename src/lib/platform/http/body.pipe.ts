import { type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { type ValidationError, validateSync } from 'class-validator';
import { DomainError } from '../errors/domain-error.js';
import { findJsonProblem } from '../json/plain-json.js';
import {
  fieldNames,
  isRequestShape,
  isStrict,
  namesOfInput,
  readRequest,
  requiredFields,
  UNKNOWN_FIELDS,
  unknownFields,
} from './request-shape.js';

/**
 * Reads a body or query into the class that the route declares, or refuses it and names each invalid field. Unknown fields
 * are dropped, except in strict shapes: clients written for a newer server keep working.
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
  const details = Object.fromEntries(errors.flatMap((error) => explain(error)));
  const required = requiredFields(shape);
  const missing = errors.some(({ property, value }) => required.includes(property) && isMissing(value));
  return new DomainError('validation_error', missing ? requiredMessage(required) : firstLine(details), details);
}

/** Characters of a client's own words that a message repeats. */
const MAX_REPEATED = 50;

const isMissing = (value: unknown): boolean => value === undefined || value === null || value === '';

/** The path and the words of each problem. An invalid value hides the problems inside of it. */
function explain(error: ValidationError, parent = ''): [string, string][] {
  if (error.property === UNKNOWN_FIELDS) return explainUnknown(error.target ?? {}, parent);
  const path = pathTo(error.property, parent);
  const [message] = Object.values(error.constraints ?? {});
  if (message === undefined) return inOrder(error.children ?? []).flatMap((child) => explain(child, path));
  // An item of a list stands before the words: `[2] must be …`.
  const [, item = '', words = message] = /^(\[\d+\]) (.*)$/s.exec(message) ?? [];
  return [[path + item, words]];
}

function explainUnknown(request: object, parent: string): [string, string][] {
  const problem = `is not known; there are ${fieldNames(request.constructor).join(', ')}`;
  return unknownFields(request).map((name) => [`${parent}.${name.slice(0, MAX_REPEATED)}`, problem]);
}

function pathTo(property: string, parent: string): string {
  if (!parent) return property;
  return /^\d+$/.test(property) ? `${parent}[${property}]` : `${parent}.${property}`;
}

/** Of a strict shape: missing fields first, then the order of the input. */
function inOrder(errors: ValidationError[]): ValidationError[] {
  const { target } = errors[0] ?? {};
  if (!target || !isStrict(target.constructor)) return errors;
  const names = namesOfInput(target);
  const place = ({ property }: ValidationError): number =>
    names.indexOf(property === UNKNOWN_FIELDS ? (unknownFields(target)[0] ?? '') : property);
  return [...errors].sort((a, b) => place(a) - place(b));
}

const firstLine = (details: Record<string, string>): string =>
  Object.entries(details).map(([path, problem]) => `${path} ${problem}`)[0] ?? 'The request is not valid';

/** The message of the contract: `agentId, toNumber, and fromNumber are required`. */
function requiredMessage(fields: readonly string[]): string {
  const list = new Intl.ListFormat('en', { type: 'conjunction' }).format(fields);
  return `${list} ${fields.length > 1 ? 'are' : 'is'} required`;
}
