import Mustache from 'mustache';
import { messageOf } from '../errors/message-of.js';

export interface FilledIn {
  text: string;
  /** Names in the template without a value, each once. */
  missing: string[];
}

/** A template that cannot be read, or has no end. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** Lists within lists could otherwise keep everybody waiting. */
const MAX_PARTS = 10_000;
/** Counted once for each level. */
const MAX_CHARACTERS = 200_000;

/**
 * Fills in a Mustache template: `{{name}}`, `{{order.id}}`, `{{#vip}}…{{/vip}}`, `{{^vip}}…{{/vip}}`. A
 * name without a plain value becomes empty text and is listed as missing. Values are not parsed as templates, and nothing
 * is escaped: the text goes to speech and language models.
 * @throws TemplateError
 */
export function fillIn(template: string, variables: Readonly<Record<string, unknown>>): FilledIn {
  const writer = new PlainWriter();
  try {
    const text = writer.render(template, withoutPrototypes(variables));
    return { text, missing: [...writer.missing] };
  } catch (error) {
    throw new TemplateError(messageOf(error));
  }
}

class PlainWriter extends Mustache.Writer {
  readonly missing = new Set<string>();
  private parts = 0;
  private characters = 0;

  override renderTokens(...given: Parameters<Mustache.Writer['renderTokens']>): string {
    this.parts += given[0].length;
    if (this.parts > MAX_PARTS) throw new TemplateError(`It has more than ${MAX_PARTS} parts`);
    const text = super.renderTokens(...given);
    this.characters += text.length;
    if (this.characters > MAX_CHARACTERS)
      throw new TemplateError(`It becomes longer than ${MAX_CHARACTERS} characters`);
    return text;
  }

  override escapedValue(token: string[], context: Mustache.Context): string {
    return this.unescapedValue(token, context);
  }

  override unescapedValue([, name = '']: string[], context: Mustache.Context): string {
    const value: unknown = context.lookup(name);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
    this.missing.add(name);
    return '';
  }
}

/** Mustache finds what an object inherits, and calls what it finds to be a function. */
function withoutPrototypes(value: unknown): unknown {
  if (Array.isArray(value)) return Object.setPrototypeOf(value.map(withoutPrototypes), null);
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value;
  const entries = Object.entries(value).map(([name, each]) => [name, withoutPrototypes(each)] as const);
  return Object.assign(Object.create(null) as object, Object.fromEntries(entries));
}
