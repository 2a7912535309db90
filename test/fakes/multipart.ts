/** Reads `multipart/form-data` (RFC 7578): the content of each part by its name. @throws Error for anything else */
export function readMultipart(body: Buffer, type: string): Map<string, Buffer> {
  const boundary = /boundary="?([^";]+)/.exec(type)?.[1];
  if (boundary === undefined) throw new Error('no multipart body');
  const parts = new Map<string, Buffer>();
  const line = Buffer.from(`--${boundary}`);
  for (let at = body.indexOf(line); at >= 0;) {
    const next = body.indexOf(line, at + line.length);
    const headEnd = body.indexOf('\r\n\r\n', at);
    if (next < 0 || headEnd < 0 || headEnd > next) break;
    const name = /name="([^"]*)"/.exec(body.toString('latin1', at, headEnd))?.[1];
    if (name !== undefined) parts.set(name, body.subarray(headEnd + 4, next - 2));
    at = next;
  }
  return parts;
}
