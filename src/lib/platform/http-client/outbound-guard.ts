import { type LookupFunction } from 'node:net';

/** What keeps those who make connections of their own (WebSockets, streams) from private addresses. They need both. */
export interface OutboundGuard {
  /** Why an address may not be asked, as it is written: addresses in numbers are never looked up. */
  problem(url: string): string | undefined;
  /** For the sockets: a name that means a private address fails with `OutboundRefused`. */
  readonly lookup: LookupFunction;
}
