import { Page } from './pagination.js';

/** A response that is already text, written as it is: what a replayed request gets back. */
export class StoredReply {
  constructor(
    readonly status: number,
    readonly body: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {}
}

/** The success envelope of the contract, as JSON text. */
export function envelope(data: unknown, requestId: string): string {
  if (!(data instanceof Page)) return JSON.stringify({ data: data ?? null, requestId });
  const { items, page, limit, total, totalPages } = data as Page<unknown>;
  return JSON.stringify({ data: items, pagination: { page, limit, total, totalPages }, requestId });
}

/** The error envelope of the contract, as JSON text. */
export function errorEnvelope(code: string, message: string, details: unknown, requestId: string): string {
  return JSON.stringify({ error: { code, message, details: details ?? null }, requestId });
}
