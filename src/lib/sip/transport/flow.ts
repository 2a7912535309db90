import { type SipTransport } from '../sip-types.js';

/** A way to one far end: a connection, or our UDP socket and an address. */
export interface Flow {
  readonly transport: SipTransport;
  /** The far end. */
  readonly address: string;
  readonly port: number;
  /** What Via and Contact say of this way: the far end reaches us there. */
  readonly localPort: number;
  /** A connection that carried something before: it may be dead without our knowing. */
  readonly wasUsed: boolean;
  /** Sends one message. Calls `onError` on failure, possibly later; never throws. */
  send(data: Buffer, onError?: () => void): void;
  /** The way to another port of the same address; a connection stays itself. */
  at(port: number): Flow;
  /** Tells when a connection breaks; UDP never does. Call the result to stop listening. */
  onBroken(listener: () => void): () => void;
}

/** UDP loses messages; the others do not. */
export const isReliable = ({ transport }: Flow): boolean => transport !== 'udp';
