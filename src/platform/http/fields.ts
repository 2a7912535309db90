import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional, type ApiPropertyOptions } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsOptional, registerDecorator } from 'class-validator';
import { parseTimestamp } from '../timestamps.js';
import { textProblem } from '../plain-json.js';

/**
 * The fields of requests. Each decorator checks a value, says in one message what it must be, and documents it in
 * OpenAPI, so that the three cannot disagree.
 */
interface FieldOptions {
  description: string;
  example?: unknown;
  /** Absent and null are accepted, and mean the same. */
  optional?: boolean;
  default?: unknown;
}

const shapes = new Map<object, string[]>();

/** Whether a class was declared with these fields, that is, describes a request. */
export const isRequestShape = (shape: object): boolean => shapes.has(shape);

/** The fields without which a request of this shape is refused, in the order of their declaration. */
export const requiredFields = (shape: object): readonly string[] => shapes.get(shape) ?? [];

function field(
  options: FieldOptions,
  schema: ApiPropertyOptions,
  isValid: (value: unknown) => boolean,
  mustBe: string,
): PropertyDecorator {
  const { description, example, optional = false } = options;
  const documented = { description, example, default: options.default, ...schema } as ApiPropertyOptions;
  return applyDecorators(
    remember(optional),
    optional ? ApiPropertyOptional(documented) : ApiProperty(documented),
    ...(optional ? [IsOptional()] : []),
    check(isValid, mustBe, optional),
  );
}

const remember =
  (optional: boolean): PropertyDecorator =>
  (target, property) => {
    const required = shapes.get(target.constructor) ?? [];
    shapes.set(target.constructor, optional ? required : [...required, String(property)]);
  };

const check =
  (isValid: (value: unknown) => boolean, mustBe: string, optional: boolean): PropertyDecorator =>
  (target, property) => {
    registerDecorator({
      target: target.constructor,
      propertyName: String(property),
      validator: {
        validate: isValid,
        defaultMessage: (args) =>
          !optional && [undefined, null, ''].includes(args?.value as undefined) ? 'is required' : mustBe,
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

/** `+` and 7 to 15 digits: the shape of E.164, without asking whether the numbering plan has such a number. */
export function PhoneNumberField(options: FieldOptions): PropertyDecorator {
  return field(
    options,
    { type: String, pattern: '^\\+\\d{7,15}$' },
    (value) => typeof value === 'string' && /^\+\d{7,15}$/.test(value),
    'must be a phone number in E.164 format, like +14155550123',
  );
}

/** An ISO 8601 instant, given on as a `Date`; `isAllowed` narrows it and `mustBe` says to what. */
export function TimestampField(
  options: FieldOptions & { isAllowed?: (time: Date) => boolean; mustBe?: string },
): PropertyDecorator {
  const { isAllowed = () => true, mustBe = 'must be an existing ISO 8601 time, like 2026-04-05T14:00:00Z' } = options;
  return applyDecorators(
    // What cannot be read stays as it came and fails the check.
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' ? (parseTimestamp(value) ?? value) : value,
    ),
    field(options, { type: String, format: 'date-time' }, (value) => value instanceof Date && isAllowed(value), mustBe),
  );
}

/** A JSON object, stored as it came. */
export function JsonObjectField(options: FieldOptions): PropertyDecorator {
  return applyDecorators(
    // Handed on as parsed: class-transformer would rebuild it key by key.
    Transform(({ obj, key }: { obj: Record<string, unknown>; key: string }) => obj[key]),
    field(
      options,
      { type: 'object', additionalProperties: true },
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'must be an object',
    ),
  );
}

export function FlagField(options: FieldOptions): PropertyDecorator {
  return field(options, { type: Boolean }, (value) => typeof value === 'boolean', 'must be true or false');
}

export function IntegerField(options: FieldOptions & { min: number; max: number }): PropertyDecorator {
  const { min, max } = options;
  return field(
    options,
    { type: 'integer', minimum: min, maximum: max },
    (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
    `must be a whole number from ${min} to ${max}`,
  );
}

/** An integer of the query string, where everything is text. */
export function QueryIntegerField(options: FieldOptions & { min: number; max: number }): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value,
    ),
    IntegerField(options),
  );
}

/** The paging part of a list's query. */
export class PageQuery {
  @QueryIntegerField({ description: 'Page number, from 1', min: 1, max: 1_000_000_000, optional: true, default: 1 })
  page: number = 1;

  @QueryIntegerField({ description: 'Results per page', min: 1, max: 100, optional: true, default: 20 })
  limit: number = 20;
}
