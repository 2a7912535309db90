import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, type ApiPropertyOptions, getSchemaPath } from '@nestjs/swagger';
import { ValidateNested } from 'class-validator';
import { field, type FieldOptions } from './fields.js';
import { readRequest } from './request-shape.js';

type Shape = new () => object;

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const readInto = (shape: Shape) => (value: unknown) => (isObject(value) ? readRequest(shape, value) : value);

/** An object of a class with fields of its own. */
export function ObjectField(options: FieldOptions & { shape: Shape }): PropertyDecorator {
  const { shape } = options;
  return applyDecorators(
    field(options, { type: shape }, isObject, 'must be an object', readInto(shape)),
    ValidateNested(),
  );
}

interface ListBounds {
  min: number;
  max: number;
  /** Names the items in the message; none by default. */
  items?: string;
}

/** A list of objects of one class. */
export function ObjectListField(options: FieldOptions & ListBounds & { shape: Shape }): PropertyDecorator {
  return listOfObjects(options, () => options.shape, { type: [options.shape] });
}

/** A list of objects whose class depends on `type`. `other` is the class of an unknown or absent type. */
export function UnionListField(
  options: FieldOptions & ListBounds & { shapes: Readonly<Record<string, Shape>>; other: Shape; maxBytes: number },
): PropertyDecorator {
  const { shapes, other, maxBytes } = options;
  const shapeOf = ({ type }: { type?: unknown }): Shape =>
    typeof type === 'string' && Object.hasOwn(shapes, type) ? (shapes[type] ?? other) : other;
  const mapping = Object.fromEntries(Object.entries(shapes).map(([type, shape]) => [type, getSchemaPath(shape)]));
  const items = {
    oneOf: Object.values(mapping).map(($ref) => ({ $ref })),
    discriminator: { propertyName: 'type', mapping },
  };
  const extraModels: PropertyDecorator = (target) => {
    ApiExtraModels(...Object.values(shapes))(target.constructor);
  };
  return applyDecorators(extraModels, listOfObjects(options, shapeOf, { type: 'array', items }, maxBytes));
}

function listOfObjects(
  options: FieldOptions & ListBounds,
  shapeOf: (item: object) => Shape,
  schema: ApiPropertyOptions,
  maxBytes = Infinity,
): PropertyDecorator {
  const { min, max, items } = options;
  const problem = (value: unknown): string | undefined => {
    if (Array.isArray(value) && Buffer.byteLength(JSON.stringify(value)) > maxBytes)
      return `must be at most ${maxBytes / 1_000} kB of JSON`;
    if (!Array.isArray(value) || value.length < min || value.length > max)
      return `must be a list of ${min} to ${max}${items ? ` ${items}` : ''}`;
    const wrong = value.findIndex((item) => !isObject(item));
    return wrong === -1 ? undefined : `[${wrong}] must be an object`;
  };
  const read = (value: unknown) =>
    Array.isArray(value)
      ? value.map((item: unknown) => (isObject(item) ? readRequest(shapeOf(item), item) : item))
      : value;
  return applyDecorators(
    field(
      options,
      { minItems: min, maxItems: max, ...schema },
      (value) => problem(value) === undefined,
      (value) => problem(value) ?? '',
      read,
    ),
    ValidateNested({ each: true }),
  );
}

/**
 * A value with a rule of its own.
 * @param options.problem returns the end of the sentence that begins with the field's name, with `[2] ` before it for an
 * item of a list; `request` is the object that the field stands in
 */
export function RuleField(
  options: FieldOptions & {
    schema: ApiPropertyOptions;
    problem: (value: unknown, request: object) => string | undefined;
  },
): PropertyDecorator {
  const { schema, problem } = options;
  return field(
    options,
    schema,
    (value, request) => problem(value, request) === undefined,
    (value, request) => problem(value, request) ?? '',
  );
}

/** A map of texts. What its names and values must be is for its room to check. */
export function MapField(options: FieldOptions): PropertyDecorator {
  return field(options, { type: 'object', additionalProperties: { type: 'string' } }, isObject, 'must be an object');
}
