import { validateHeaderName, validateHeaderValue } from 'node:http';

/** Headers that say how the message is carried: with them set by others, one request could be read as two. */
const OURS =
  /^(host|connection|content-length|transfer-encoding|te|trailer|upgrade|keep-alive|expect|http2-settings|proxy-.*)$/i;

const MAX_BYTES = 16_384;

/** Why a request cannot have these headers, as a message for the customer; undefined for valid headers. */
export function headerProblem(headers: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(headers);
  const ours = entries.find(([name]) => OURS.test(name));
  if (ours) return `The header ${ours[0]} cannot be set`;
  if (entries.reduce((bytes, [name, value]) => bytes + name.length + value.length, 0) > MAX_BYTES)
    return `The headers are longer than ${MAX_BYTES} characters`;
  const bad = entries.find(([name, value]) => !isHeader(name, value));
  return bad && `The header ${JSON.stringify(bad[0])} holds characters that a header cannot hold`;
}

function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}
