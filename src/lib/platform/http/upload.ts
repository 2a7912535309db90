import { type Request } from 'express';
import { DomainError } from '../errors/domain-error.js';

/** A route that accepts a body other than JSON. Its handler reads the body with `readUpload`, after the guard. */
export interface UploadRoute {
  method: string;
  path: RegExp;
}

/** The media type of a body, without its parameters. */
export const mediaTypeOf = ({ headers }: Pick<Request, 'headers'>): string =>
  (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/**
 * Reads the body of an upload.
 * @param types the media types to take
 * @param limit in bytes
 * @throws DomainError `unsupported_media_type`, `payload_too_large`, `bad_request` for one that breaks off
 */
export async function readUpload(request: Request, types: readonly string[], limit: number): Promise<Buffer> {
  if (!types.includes(mediaTypeOf(request)))
    throw new DomainError('unsupported_media_type', `Send the file as Content-Type: ${types.join(' or ')}`);
  const tooLarge = () => new DomainError('payload_too_large', `The file must have at most ${limit} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // The body is not destroyed: the rest must be read before the connection can be reused.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof DomainError) {
      request.resume();
      throw error;
    }
    throw new DomainError('bad_request', 'The upload broke off');
  }
  return Buffer.concat(chunks);
}
