import { type LookupFunction } from 'node:net';

/** Blocks private addresses for clients with connections of their own (WebSockets, streams). They need both parts. */
export interface OutboundGuard {
  /** Why an address may not be asked, as it is written: addresses in numbers are never looked up. */
  problem(url: string): string | undefined;
  /** For the sockets: a name that means a private address fails with `OutboundRefused`. */
  readonly lookup: LookupFunction;
}
