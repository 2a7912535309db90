import { randomUUID } from 'node:crypto';
import { v7 } from 'uuid';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A UUIDv7 (RFC 9562 §5.7): ids made later in one process sort later. */
export const newId = (): string => v7();

/** False for text that can name nothing here: ids are opaque to clients, so callers answer 404, not 400. */
export const isId = (text: string): boolean => UUID.test(text);

/** The millisecond that a UUIDv7 was made in. */
export const idTime = (id: string): Date => new Date(parseInt(id.slice(0, 8) + id.slice(9, 13), 16));

/** The smallest UUIDv7 of `time`: older ids sort below it, all others do not. */
export function firstIdAt(time: Date): string {
  const hex = Math.max(0, Math.min(time.getTime(), 2 ** 48 - 1))
    .toString(16)
    .padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

export const newRequestId = (): string => `req-${randomUUID()}`;
