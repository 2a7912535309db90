import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional, type ApiPropertyOptions } from '@nestjs/swagger';
import { registerDecorator, ValidateIf } from 'class-validator';
import { addField, isStrict, type ShapeField } from './request-shape.js';
import { parseTimestamp } from '../timestamps.js';
import { textProblem } from '../json/plain-json.js';

/**
 * The fields of requests. Each decorator checks a value, has the message of the check, and documents the field in OpenAPI, so
 * that the three cannot disagree.
 */
export interface FieldOptions {
  description: string;
  example?: unknown;
  /** Absent and null are accepted, and mean the same. */
  optional?: boolean;
  /** Documents that null has a meaning of its own. */
  nullable?: true;
  default?: unknown;
}

export function field(
  options: FieldOptions,
  schema: ApiPropertyOptions,
  isValid: (value: unknown, request: object) => boolean,
  mustBe: string | ((value: unknown, request: object) => string),
  read: ShapeField['read'] = (value) => value,
): PropertyDecorator {
  const { description, example, optional = false, nullable } = options;
  const documented = {
    description,
    example,
    default: options.default,
    ...(nullable && { nullable }),
    ...schema,
  } as ApiPropertyOptions;
  return applyDecorators(
    remember(optional, documented, read),
    optional ? ApiPropertyOptional(documented) : ApiProperty(documented),
    ...(optional ? [ValidateIf(isGiven)] : []),
    check(isValid, mustBe, optional),
  );
}

/** An optional field is given unless it is absent or, outside of strict shapes, null. */
const isGiven = (shape: object, value: unknown): boolean =>
  value !== undefined && (value !== null || isStrict(shape.constructor));

const remember =
  (optional: boolean, schema: ApiPropertyOptions, read: ShapeField['read']): PropertyDecorator =>
  (target, property) => {
    addField(target.constructor, { name: String(property), optional, schema, read });
  };

const check =
  (
    isValid: (value: unknown, request: object) => boolean,
    mustBe: string | ((value: unknown, request: object) => string),
    optional: boolean,
  ): PropertyDecorator =>
  (target, property) => {
    registerDecorator({
      target: target.constructor,
      propertyName: String(property),
      validator: {
        validate: (value, args) => isValid(value, args?.object ?? {}),
        defaultMessage: (args) => {
          const value: unknown = args?.value;
          const missing: unknown[] = args && isStrict(args.object.constructor) ? [undefined] : [undefined, null, ''];
          if (!optional && missing.includes(value)) return 'is required';
          return typeof mustBe === 'string' ? mustBe : mustBe(value, args?.object ?? {});
        },
      },
    });
  };

/** Text of `minLength` (1) to `maxLength` (200) characters. */
export function TextField(options: FieldOptions & { minLength?: number; maxLength?: number }): PropertyDecorator {
  const { minLength = 1, maxLength = 200 } = options;
  return field(
    options,
    { type: String, minLength, maxLength },
    (value) =>
      typeof value === 'string' && value.length >= minLength && value.length <= maxLength && !textProblem(value),
    minLength > 0
      ? `must be text of ${minLength} to ${maxLength} characters`
      : `must be text of at most ${maxLength} characters`,
  );
}

/** One of the given words. */
export function ChoiceField(options: FieldOptions & { choices: readonly string[] }): PropertyDecorator {
  return field(
    options,
    { type: String, enum: [...options.choices] },
    (value) => typeof value === 'string' && options.choices.includes(value),
    `must be one of ${options.choices.join(', ')}`,
  );
}

/** Several different of the given words, at least one. */
export function ChoicesField(options: FieldOptions & { choices: readonly string[] }): PropertyDecorator {
  return field(
    options,
    { type: String, enum: [...options.choices], isArray: true, uniqueItems: true },
    (value) =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.length <= options.choices.length &&
      new Set(value).size === value.length &&
      value.every((item) => typeof item === 'string' && options.choices.includes(item)),
    `must be a list of different words out of ${options.choices.join(', ')}`,
  );
}

/** `+` and 7 to 15 digits: the shape of E.164. The numbering plan is not checked. */
export function PhoneNumberField(options: FieldOptions): PropertyDecorator {
  return field(
    options,
    { type: String, pattern: '^\\+\\d{7,15}$' },
    (value) => typeof value === 'string' && /^\+\d{7,15}$/.test(value),
    'must be a phone number in E.164 format, like +14155550123',
  );
}

/** An ISO 8601 instant, read into a `Date`; `isAllowed` narrows it with the message `mustBe`. */
export function TimestampField(
  options: FieldOptions & { isAllowed?: (time: Date) => boolean; mustBe?: string },
): PropertyDecorator {
  const { isAllowed = () => true, mustBe = 'must be an existing ISO 8601 time, like 2026-04-05T14:00:00Z' } = options;
  return field(
    options,
    { type: String, format: 'date-time' },
    (value) => value instanceof Date && isAllowed(value),
    mustBe,
    (value) => (typeof value === 'string' ? (parseTimestamp(value) ?? value) : value),
  );
}

/** A JSON object, stored unchanged. */
export function JsonObjectField(options: FieldOptions): PropertyDecorator {
  return field(
    options,
    { type: 'object', additionalProperties: true },
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'must be an object',
  );
}

export function NumberField(options: FieldOptions & { min: number; max: number }): PropertyDecorator {
  const { min, max } = options;
  return field(
    options,
    { type: Number, minimum: min, maximum: max },
    (value) => typeof value === 'number' && value >= min && value <= max,
    `must be a number from ${min} to ${max}`,
  );
}

export function FlagField(options: FieldOptions): PropertyDecorator {
  return field(options, { type: Boolean }, (value) => typeof value === 'boolean', 'must be true or false');
}

export function IntegerField(options: FieldOptions & { min: number; max: number }): PropertyDecorator {
  return integerField(options);
}

/** An integer of the query string, where everything is text. */
export function QueryIntegerField(options: FieldOptions & { min: number; max: number }): PropertyDecorator {
  return integerField(options, (value) =>
    typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value,
  );
}

function integerField(
  options: FieldOptions & { min: number; max: number },
  read?: ShapeField['read'],
): PropertyDecorator {
  const { min, max } = options;
  return field(
    options,
    { type: 'integer', minimum: min, maximum: max },
    (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
    `must be a whole number from ${min} to ${max}`,
    read,
  );
}

/** An id: any text, because an id that names nothing is not found rather than malformed. */
export function IdField(options: FieldOptions): PropertyDecorator {
  return field(options, { type: String }, (value) => typeof value === 'string' && value !== '', 'must be an id');
}

/** The paging part of a list's query. */
export class PageQuery {
  @QueryIntegerField({ description: 'Page number, from 1', min: 1, max: 1_000_000_000, optional: true, default: 1 })
  page: number = 1;

  @QueryIntegerField({ description: 'Results per page', min: 1, max: 100, optional: true, default: 20 })
  limit: number = 20;
}
