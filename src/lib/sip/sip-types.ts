import { type SipResolver } from './transport/locate.js';

export type SipTransport = 'udp' | 'tcp' | 'tls';

/** Where to send requests to. Without a port, DNS says (RFC 3263). */
export interface SipTarget {
  /** A name or an address. */
  host: string;
  port: number | undefined;
  transport: SipTransport;
}

export interface SipCredentials {
  username: string;
  password: string;
  /** Answers challenges of this realm only. */
  realm?: string;
}

/** Milliseconds (RFC 3261 table 4). All other timers follow from these. */
export interface SipTimers {
  /** Estimated round trip: 500. */
  t1Ms: number;
  /** Longest interval between repeated requests: 4,000. */
  t2Ms: number;
  /** How long a message can stay in the network: 5,000. */
  t4Ms: number;
  /** How long a target may stay silent while there is another one to try: 4,000. */
  failoverMs: number;
  /** How long a TCP or TLS connection may take: 4,000. */
  connectMs: number;
  /** A second of session timers and registrations: 1,000, less in tests. */
  secondMs: number;
}

export interface SipTlsOptions {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  rejectUnauthorized?: boolean;
  servername?: string;
}

export interface SipUserAgentOptions {
  /** The address to bind. */
  address: string;
  /** 0, the default, takes a free one. */
  port?: number;
  /** What others reach us at behind NAT: goes into Via and Contact. */
  publicAddress?: string;
  userAgent?: string;
  timers?: Partial<SipTimers>;
  tls?: SipTlsOptions;
  /** What we ask for with session timers (RFC 4028): 1,800; 90 at least. */
  sessionExpiresSeconds?: number;
  resolver?: SipResolver;
  /** Hears of malformed messages, broken connections and the like. Must not throw. */
  onProblem?: (problem: string, detail?: unknown) => void;
}

/** An answer to an SDP offer; null refuses it. */
export type OnOffer = (sdp: string | null) => string | null | Promise<string | null>;

export interface CallRequest {
  /** In the order to try them. */
  targets: SipTarget[];
  /** The Call-ID. */
  callId: string;
  /** A SIP URI. */
  to: string;
  from: { uri: string; displayName?: string };
  /** Further headers of the INVITE, e.g. `P-Asserted-Identity`. */
  headers?: Record<string, string>;
  credentials?: SipCredentials;
  sdp: string;
  /** From now until the answer. */
  ringTimeoutMs: number;
  /** Returns true for a 503 after which no other target is tried. */
  isFinal?: (failed: CallFailed) => boolean;
  /** The far end offers new media (RFC 3264), or asks for our offer (null); null refuses with 488. */
  onOffer: OnOffer;
  /** The far end's answer to an offer that it had asked for, which comes with the ACK. */
  onAnswer?: (sdp: string) => void;
}

export interface CallFailed {
  type: 'failed';
  /** null: no response. */
  status: number | null;
  phrase: string;
  reasonHeaders: string[];
  /** `retry-after` and `warning`, where they came; names in lower case. */
  headers: Record<string, string>;
  cause: 'response' | 'ring-timeout' | 'cancelled' | 'no-response' | 'transport';
}

export interface CallEnded {
  type: 'ended';
  /** `lost`: the far end is gone, by 481, 408 or silence where a session refresh was due. */
  by: 'remote' | 'local' | 'lost';
  reasonHeaders: string[];
  /** The far end had accepted a transfer. */
  referred?: boolean;
}

export type CallEventBody =
  | { type: 'trying' }
  | { type: 'ringing' }
  | { type: 'early'; sdp: string }
  | { type: 'answered'; sdp: string }
  | CallFailed
  | CallEnded;

export type CallEvent = { at: Date } & CallEventBody;

/** What another process needs to end a call. Plain JSON. */
export interface DialogState {
  callId: string;
  localTag: string;
  remoteTag: string;
  /** The last CSeq we used. */
  localCseq: number;
  remoteCseq: number | null;
  /** `"Name" <uri>`, without tag. */
  localParty: string;
  remoteParty: string;
  /** The far end's Contact. */
  remoteTarget: string;
  routeSet: string[];
  /** Where the INVITE was answered. */
  target: { address: string; port: number; host: string; transport: SipTransport };
}

export interface OutgoingCall {
  /** What happens; ends after `failed` or `ended`. Buffered, read once. */
  readonly events: AsyncIterable<CallEvent>;
  /** Gives up a call that is not answered. `failed` follows. */
  cancel(): void;
  /** CANCEL or BYE as the state demands. Resolves when the far end has confirmed or will not any more. */
  hangup(): Promise<void>;
  /** Offers new media. 408 where no response came, 491 while another offer is on its way. */
  reinvite(sdp: string): Promise<{ status: number; sdp: string | null }>;
  /**
   * Transfers the call (RFC 3515). Resolves with the result of the far end: its NOTIFY, or its BYE after it accepted the
   * request. Resolves with 408 after the timeout, default 120 s.
   * @throws TypeError for an invalid URI
   */
  refer(to: string, timeoutMs?: number): Promise<{ accepted: boolean; status: number }>;
  /** undefined before the answer. */
  dialogState(): DialogState | undefined;
}

export interface RegisterRequest {
  targets: SipTarget[];
  /** Address of record, a SIP URI, e.g. `sip:alice@carrier.example`. */
  aor: string;
  credentials?: SipCredentials;
  /** What to ask for, in seconds: 600. */
  expiresSeconds?: number;
  /** Hears each outcome: the final status, 408 for none. */
  onChange?: (registered: boolean, status: number) => void;
}

export interface Registration {
  readonly registered: boolean;
  /** Of the last attempt; null before the first. */
  readonly status: number | null;
  /** Resolves when the first attempt is over, with its final status (408 for none). */
  readonly first: Promise<number>;
  /** Unregisters, and stops refreshing. */
  close(): Promise<void>;
}
