/** A prefix in a bucket of an S3-compatible server. */
export interface S3Location {
  /** Server, bucket and prefix, without a slash at the end. */
  baseUrl: string;
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
}

/** Parses `https://KEY:SECRET@host/bucket/prefix?region=eu-central-1`; undefined for any other text. */
export function parseS3Location(text: string): S3Location | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, host, username, password, pathname, searchParams, hash } = new URL(text);
  const path = pathname.replace(/\/+$/, '');
  const isComplete = username !== '' && password !== '' && /^\/[^/]/.test(path) && hash === '';
  if (!isComplete || (protocol !== 'https:' && protocol !== 'http:')) return undefined;
  if ([...searchParams.keys()].some((name) => name !== 'region')) return undefined;
  const [accessKeyId, secretAccessKey] = [decode(username), decode(password)];
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  const region = searchParams.get('region') || 'us-east-1';
  return { baseUrl: `${protocol}//${host}${path}`, accessKeyId, secretAccessKey, region };
}

/** Undefined for an invalid percent-encoding. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
