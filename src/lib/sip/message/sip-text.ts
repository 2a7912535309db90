/** Small pieces of SIP grammar (RFC 3261 section 25). Nothing here throws on what it reads. */

/** Parameters as in `;a=b;c`: names in lower case, values without quotes, an empty string for a name alone. */
export type Params = Map<string, string>;

const MAX_PARAMS = 64;
const TOKEN = /^[A-Za-z0-9.!%*_+`'~-]+$/;
const UNSAFE = /[\u0000-\u0008\u000a-\u001f\u007f]/;

export const isToken = (text: string): boolean => TOKEN.test(text);

/** Whether text can stand in a header line as it is: no line break or other control character, tab aside. */
export const isSafeLine = (text: string): boolean => !UNSAFE.test(text);

/** Splits at a separator, but not inside quotes or angle brackets. Empty parts are left out. */
export function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (quoted) {
      if (character === '\\') index++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '<') depth++;
    else if (character === '>') depth = Math.max(0, depth - 1);
    else if (character === separator && depth === 0) {
      parts.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts.filter((part) => part !== '');
}

/** Takes quotes off, and the backslashes inside of them. */
export function unquote(text: string): string {
  const trimmed = text.trim();
  if (trimmed.length < 2 || !trimmed.startsWith('"') || !trimmed.endsWith('"')) return trimmed;
  return trimmed.slice(1, -1).replace(/\\(.)/gs, '$1');
}

/** Puts text in quotes. */
export const quote = (text: string): string => `"${text.replace(/(["\\])/g, '\\$1')}"`;

/** Reads `a=b<separator>c="d"`; of a name given twice the first counts. */
export function parseParams(text: string, separator = ';'): Params {
  const params: Params = new Map();
  for (const part of splitOutside(text, separator).slice(0, MAX_PARAMS)) {
    const equals = part.indexOf('=');
    const name = (equals === -1 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (name !== '' && !params.has(name)) params.set(name, equals === -1 ? '' : unquote(part.slice(equals + 1)));
  }
  return params;
}

/** Reads a whole number without sign; undefined when it is none or larger than `max`. */
export function parseNumber(text: string | undefined, max = 0x7fffffff): number | undefined {
  if (text === undefined || !/^\s*\d{1,10}\s*$/.test(text)) return undefined;
  const number = Number(text);
  return number <= max ? number : undefined;
}
