import { type ApiPropertyOptions } from '@nestjs/swagger';
import { registerDecorator } from 'class-validator';

export interface ShapeField {
  name: string;
  optional: boolean;
  /** Its OpenAPI schema, with description and example. */
  schema: ApiPropertyOptions;
  /** What the value becomes before it is checked; a value that cannot be read stays as it is and fails the check. */
  read: (value: unknown) => unknown;
}

/** The fields of each class that describes a request or a part of one, in the order of their declaration. */
const shapes = new Map<object, ShapeField[]>();
const strictShapes = new Set<object>();

export function addField(shape: object, field: ShapeField): void {
  shapes.set(shape, [...(shapes.get(shape) ?? []), field]);
}

/** The fields of a class and of the classes that it extends; undefined for a class that describes no request. */
function fieldsOf(shape: object): ShapeField[] | undefined {
  const parent = Object.getPrototypeOf(shape) as object | null;
  const own = shapes.get(shape);
  const inherited = parent && parent !== Function.prototype ? fieldsOf(parent) : undefined;
  return own || inherited ? [...(inherited ?? []), ...(own ?? [])] : undefined;
}

export const isRequestShape = (shape: object): boolean => fieldsOf(shape) !== undefined;

/** The OpenAPI schema of a field. @throws Error for an unknown field */
export function fieldSchema(shape: object, name: string): ApiPropertyOptions {
  const known = fieldsOf(shape)?.find((one) => one.name === name);
  if (!known) throw new Error(`${name} is not a field`);
  return known.schema;
}

export const fieldNames = (shape: object): readonly string[] => (fieldsOf(shape) ?? []).map(({ name }) => name);

/** The fields without which a request of this shape is refused. */
export const requiredFields = (shape: object): readonly string[] =>
  (fieldsOf(shape) ?? []).filter(({ optional }) => !optional).map(({ name }) => name);

/**
 * A part of a request that refuses unknown fields, because a misspelled setting would have no effect without notice, and
 * null, because an absent field says the same.
 */
export const StrictShape = (): ClassDecorator => (shape) => {
  strictShapes.add(shape);
  registerDecorator({
    target: shape,
    propertyName: UNKNOWN_FIELDS,
    validator: { validate: (_, args) => args === undefined || unknownFields(args.object).length === 0 },
  });
};

/** The property under which a check reports the unknown fields of a strict shape. */
export const UNKNOWN_FIELDS = '(unknown fields)';

/** The names of the input's fields, by the request that was read from it. */
const inputNames = new WeakMap<object, readonly string[]>();

/** The field names of the input that a strict shape was read from, in their order. */
export const namesOfInput = (request: object): readonly string[] => inputNames.get(request) ?? [];

export const unknownFields = (request: object): readonly string[] => {
  const known = fieldNames(request.constructor);
  return namesOfInput(request).filter((name) => !known.includes(name));
};

export const isStrict = (shape: object): boolean => strictShapes.has(shape);

/** Copies the fields of a shape out of an input, in the order of the input for a strict shape. Not checked yet. */
export function readRequest<T extends object>(shape: new () => T, input: object): T {
  const request = new shape() as T & Record<string, unknown>;
  const fields = fieldsOf(shape) ?? [];
  if (isStrict(shape)) {
    const names = Object.keys(input).filter((name) => (input as Record<string, unknown>)[name] !== undefined);
    inputNames.set(request, names);
    fields.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  }
  for (const { name, read } of fields)
    if (Object.hasOwn(input, name)) {
      const value = (input as Record<string, unknown>)[name];
      if (value !== undefined || !isStrict(shape)) (request as Record<string, unknown>)[name] = read(value);
    }
  return request;
}
