import { randomUUID } from 'node:crypto';
import { TimeoutError, withTimeout } from '../platform/index.js';
import { performance } from 'node:perf_hooks';
import { OutgoingCallImpl } from './outgoing-call.js';
import { Dialog } from './dialog/dialog.js';
import { DigestClient } from './transaction/digest-client.js';
import { type Flow } from './transport/flow.js';
import { formatHostPort, unbracketed } from './message/host.js';
import { checkCallRequest } from './dialog/invite-draft.js';
import { systemResolver } from './transport/locate.js';
import { formatNameAddr } from './message/name-addr.js';
import { type ServerTransaction } from './transaction/server-transaction.js';
import { MIN_SESSION_SECONDS } from './dialog/session-timer.js';
import { SipCore } from './sip-core.js';
import { type Essentials, type SipMessage } from './message/sip-message.js';
import { SipRegistration } from './registration.js';
import { ALLOW, newTag, respondTo } from './message/sip-response.js';
import { DEFAULT_TIMERS } from './transaction/sip-timers.js';
import { SipTransports } from './transport/sip-transports.js';
import {
  type CallRequest,
  type DialogState,
  type OutgoingCall,
  type RegisterRequest,
  type Registration,
  type SipCredentials,
  type SipTarget,
  type SipUserAgentOptions,
} from './sip-types.js';
import { Transactions } from './transaction/transactions.js';

const DEFAULT_SESSION_SECONDS = 1_800;
const DEFAULT_PING_MS = 5_000;
const WILDCARDS = new Set(['0.0.0.0', '::']);

/** What came of an OPTIONS. */
export interface Ping {
  /** It answered, and not with trouble of its own (5xx). */
  ok: boolean;
  status: number | null;
  rttMs: number | null;
}

/** Our end of SIP (RFC 3261): makes calls, takes none. Owns its sockets, and the timers of all its calls. */
export class SipUserAgent {
  private readonly calls = new Set<OutgoingCallImpl>();
  private readonly registrations = new Set<SipRegistration>();
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly core: SipCore,
    private readonly transports: SipTransports,
    private readonly transactions: Transactions,
  ) {}

  /**
   * Listens with UDP and TCP on the same port.
   * @throws Error when the address cannot be bound, or is a wildcard and no public address says what others reach
   */
  static async start(options: SipUserAgentOptions): Promise<SipUserAgent> {
    const address = unbracketed(options.address);
    const publicAddress = unbracketed(options.publicAddress ?? address);
    if (WILDCARDS.has(publicAddress)) throw new Error('A SIP user agent on all addresses needs a public address');
    const timers = { ...DEFAULT_TIMERS, ...options.timers };
    const onProblem = options.onProblem ?? (() => undefined);
    const served: { by?: SipUserAgent } = {};
    const transactions = new Transactions({
      timers,
      onProblem,
      onRequest: (transaction, parts) => served.by?.serve(transaction, parts),
    });
    const onMessage = (message: SipMessage, malformed: boolean, flow: Flow): void => {
      try {
        transactions.receive(message, malformed, flow);
      } catch (error) {
        // A message that passes the checks and still throws costs this message only, not the process.
        onProblem('A SIP message could not be handled', error);
      }
    };
    const { port = 0, tls } = options;
    const { connectMs } = timers;
    const transports = await SipTransports.listen({ address, port, tls, connectMs, onMessage, onProblem });
    const core = new SipCore(
      {
        address,
        publicAddress,
        userAgent: options.userAgent ?? 'Outdial',
        timers,
        resolver: options.resolver ?? systemResolver,
        sessionExpiresSeconds: Math.max(options.sessionExpiresSeconds ?? DEFAULT_SESSION_SECONDS, MIN_SESSION_SECONDS),
        onProblem,
      },
      transports,
      transactions,
    );
    served.by = new SipUserAgent(core, transports, transactions);
    return served.by;
  }

  /** Of both UDP and TCP. */
  get port(): number {
    return this.transports.port;
  }

  /** How much is going on: what must be nothing once all calls are over and forgotten. */
  get load(): { calls: number; transactions: number } {
    return { calls: this.calls.size, transactions: this.transactions.size };
  }

  /**
   * Calls.
   * @throws TypeError when something of the request cannot stand in a SIP message
   */
  call(request: CallRequest): OutgoingCall {
    this.checkOpen();
    checkCallRequest(request);
    const call: OutgoingCallImpl = new OutgoingCallImpl(this.core, request, (over) => this.calls.delete(over));
    this.calls.add(call);
    return call;
  }

  /** Ends a call of a process that is gone. Resolves with the final status; 408 for none. */
  byeFor(dialog: DialogState, credentials?: SipCredentials): Promise<number> {
    this.checkOpen();
    const headers = { reason: 'Q.850;cause=16;text="Normal call clearing"' };
    return this.core.bye(Dialog.ofState(dialog), new DigestClient(credentials), headers);
  }

  /** Asks whether a trunk is there (RFC 3261 section 11). */
  async optionsPing(target: SipTarget, timeoutMs = DEFAULT_PING_MS): Promise<Ping> {
    this.checkOpen();
    const began = performance.now();
    const status = await withTimeout(timeoutMs, 'OPTIONS', this.askOptions(target)).catch((error: unknown) => {
      if (error instanceof TimeoutError) return null;
      throw error;
    });
    if (status === null) return { ok: false, status, rttMs: null };
    return { ok: status < 500, status, rttMs: Math.round(performance.now() - began) };
  }

  /** @throws TypeError when the address of record is no SIP URI */
  register(request: RegisterRequest): Registration {
    this.checkOpen();
    const registration = new SipRegistration(this.core, request, (closed) => this.registrations.delete(closed));
    this.registrations.add(registration);
    return registration;
  }

  /** Ends timers and sockets. Calls go on without us, and their events end. */
  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    for (const call of [...this.calls]) call.close();
    for (const registration of this.registrations) registration.stop();
    this.transactions.close();
    await this.transports.close();
  }

  private async askOptions(target: SipTarget): Promise<number | null> {
    const { core } = this;
    const ours = formatHostPort(core.options.publicAddress, this.port);
    const uri = `sip:${formatHostPort(unbracketed(target.host), target.port)}`;
    const callId = randomUUID();
    let cseq = 0;
    const response = await core.request({
      hops: await core.hopsOf(target),
      digest: new DigestClient(undefined),
      draft: () => ({
        method: 'OPTIONS',
        uri,
        from: `${formatNameAddr(`sip:outdial@${ours}`)};tag=${newTag()}`,
        to: formatNameAddr(uri),
        callId,
        cseq: ++cseq,
        headers: { accept: 'application/sdp' },
      }),
    });
    return response?.status ?? null;
  }

  private serve(transaction: ServerTransaction, parts: Essentials): void {
    const { request } = transaction;
    const user = this.core.userOf(parts);
    const status = statusFor(request.method, parts.toTag !== undefined);
    const headers = { allow: ALLOW, accept: 'application/sdp' };
    if (user && parts.toTag !== undefined) user.receive(transaction, parts);
    else transaction.respond(respondTo(request, status, status === 200 || status === 405 ? { headers } : {}));
  }

  private checkOpen(): void {
    if (this.closing) throw new Error('The SIP user agent is closed');
  }
}

/** What we say to requests that belong to no call of ours. */
function statusFor(method: string, hasTag: boolean): number {
  if (hasTag) return 481;
  switch (method) {
    case 'OPTIONS':
      return 200;
    case 'INVITE':
      return 403;
    case 'BYE':
    case 'NOTIFY':
      return 481;
    default:
      return 405;
  }
}
