const MAX_CHARACTERS = 2_000;

/**
 * Whether requests can be sent to a URL that a client gives us: absolute, http or https, without credentials and
 * fragment. What the parser would quietly take out or put in is refused.
 */
export function isPlainUrl(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > MAX_CHARACTERS) return false;
  if (!/^https?:\/\/[^\s\\#]+$/i.test(value) || !URL.canParse(value)) return false;
  const { username, password } = new URL(value);
  return username === '' && password === '';
}
