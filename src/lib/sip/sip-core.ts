import { randomBytes } from 'node:crypto';
import { type ClientEvents, type ClientTransaction } from './transaction/client-transaction.js';
import { type Dialog } from './dialog/dialog.js';
import { type DigestClient } from './transaction/digest-client.js';
import { type Flow } from './transport/flow.js';
import { formatHostPort } from './message/host.js';
import { canReach, type Hop, locate, type SipResolver } from './transport/locate.js';
import { parseNameAddr } from './message/name-addr.js';
import { type RequestDraft } from './message/request-draft.js';
import { type ServerTransaction } from './transaction/server-transaction.js';
import { type Essentials, newRequest, serialise, type SipRequest, type SipResponse } from './message/sip-message.js';
import { type SipTransports } from './transport/sip-transports.js';
import { type SipTarget, type SipTimers } from './sip-types.js';
import { parseSipUri } from './message/sip-uri.js';
import { type Transactions } from './transaction/transactions.js';

/** Handles the requests of one dialog. */
export interface DialogUser {
  receive(transaction: ServerTransaction, parts: Essentials): void;
}

export interface CoreOptions {
  /** What we bind. */
  address: string;
  /** What others see of us. */
  publicAddress: string;
  userAgent: string;
  timers: SipTimers;
  resolver: SipResolver;
  sessionExpiresSeconds: number;
  onProblem: (problem: string, detail?: unknown) => void;
}

/** A request to send until there is a final response. */
export interface Exchange {
  hops: readonly Hop[];
  /** Makes the request, each time it is sent: with a CSeq of its own. */
  draft: () => RequestDraft;
  digest: DigestClient;
  /** Hears of every 2xx to an INVITE, which wants an ACK. */
  onAccepted?: (response: SipResponse, invite: SipRequest) => void;
}

const MAX_ROUNDS = 6;
/** Methods whose requests have a Contact header (RFC 3261 section 8.1.1.8). */
const WITH_CONTACT = new Set(['INVITE', 'UPDATE', 'REFER', 'REGISTER', 'SUBSCRIBE', 'NOTIFY', 'OPTIONS']);

/** What calls and registrations share: finding the way, sending requests, logging in. */
export class SipCore {
  private readonly users = new Map<string, DialogUser>();

  constructor(
    readonly options: CoreOptions,
    private readonly transports: SipTransports,
    private readonly transactions: Transactions,
  ) {}

  get timers(): SipTimers {
    return this.options.timers;
  }

  /** Has a call hear the requests of its dialogs. */
  register(callId: string, localTag: string, user: DialogUser): void {
    this.users.set(`${callId} ${localTag}`, user);
  }

  unregister(callId: string, localTag: string): void {
    this.users.delete(`${callId} ${localTag}`);
  }

  userOf({ callId, toTag = '' }: Essentials): DialogUser | undefined {
    return this.users.get(`${callId} ${toTag}`);
  }

  /** Lets work go on by itself. It should not fail; if it does, the process must not. */
  background(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.options.onProblem('Work on a SIP call failed', error);
    });
  }

  /** Where a target is, as far as our sockets can reach it. */
  async hopsOf(target: SipTarget): Promise<Hop[]> {
    const hops = await locate(target, this.options.resolver);
    return hops.filter(({ address }) => canReach(this.options.address, address));
  }

  /** Where requests of a dialog go: its route or Contact, and should no connection lead there, where the INVITE went. */
  async hopsWithin(dialog: Dialog): Promise<Hop[]> {
    const uri = parseSipUri(dialog.nextUri);
    const { hop } = dialog;
    if (!uri) return [hop];
    const named = uri.scheme === 'sips' ? 'tls' : uri.params.get('transport')?.toLowerCase();
    const transport = named === 'udp' || named === 'tcp' || named === 'tls' ? named : hop.transport;
    const found = await this.hopsOf({ host: uri.host, port: uri.port, transport });
    const isSame = ({ address, port, transport }: Hop): boolean =>
      address === hop.address && port === hop.port && transport === hop.transport;
    return found.some(isSame) ? found : [...found, hop];
  }

  /** @throws Error when the hop cannot be reached */
  flowTo(hop: Hop): Promise<Flow> {
    return this.transports.flowTo(hop);
  }

  /** @throws TypeError when a value cannot stand in a SIP message */
  build(draft: RequestDraft, flow: Flow): SipRequest {
    const request = newRequest(draft.method, draft.uri);
    const place = formatHostPort(this.options.publicAddress, flow.localPort);
    const branch = `z9hG4bK${randomBytes(12).toString('hex')}`;
    request.headers
      .set('via', `SIP/2.0/${flow.transport.toUpperCase()} ${place};branch=${branch};rport`)
      .set('max-forwards', 70)
      .set('route', draft.routes ?? [])
      .set('from', draft.from)
      .set('to', draft.to)
      .set('call-id', draft.callId)
      .set('cseq', `${draft.cseq} ${draft.method}`);
    if (WITH_CONTACT.has(draft.method)) request.headers.set('contact', this.contact(draft.from, flow));
    request.headers.set('user-agent', this.options.userAgent);
    for (const [name, value] of Object.entries(draft.headers ?? {})) request.headers.set(name, value);
    if (draft.sdp !== undefined) {
      request.headers.set('content-type', 'application/sdp');
      request.body = Buffer.from(draft.sdp);
    }
    return request;
  }

  send(request: SipRequest, flow: Flow, events: ClientEvents): ClientTransaction {
    return this.transactions.request(request, flow, events);
  }

  /** Acknowledges a 2xx. Resolves with how to do it again when the 2xx comes again. */
  async acknowledge(dialog: Dialog, invite: SipRequest): Promise<() => void> {
    const draft = dialog.ack(invite);
    for (const hop of await this.hopsWithin(dialog)) {
      const flow = await this.flowTo(hop).catch(() => undefined);
      if (!flow) continue;
      const data = serialise(this.build(draft, flow));
      flow.send(data);
      return () => {
        flow.send(data);
      };
    }
    this.options.onProblem('There is no way to acknowledge an answered call', { callId: draft.callId });
    return () => undefined;
  }

  /**
   * Sends a request, logs in where that is asked for, and goes on to the next hop when one cannot be reached.
   * @returns the final response; null when there was none
   */
  async request(exchange: Exchange): Promise<SipResponse | null> {
    for (const hop of exchange.hops) {
      const result = await this.tryHop(exchange, hop);
      if (result === 'timeout') return null;
      if (result !== 'transport') return result;
    }
    return null;
  }

  /** Ends a dialog, of whichever process. Resolves with the final status, 408 for none. */
  async bye(dialog: Dialog, digest: DigestClient, headers: RequestDraft['headers'] = {}): Promise<number> {
    const hops = await this.hopsWithin(dialog);
    const response = await this.request({ hops, digest, draft: () => dialog.next('BYE', { headers }) });
    return response?.status ?? 408;
  }

  /** Our Contact on a way, as the user of a From. */
  private contact(from: string, flow: Pick<Flow, 'transport' | 'localPort'>): string {
    const user = parseSipUri(parseNameAddr(from)?.uri ?? '')?.user?.split(':')[0] ?? 'outdial';
    const suffix = flow.transport === 'udp' ? '' : `;transport=${flow.transport}`;
    return `<sip:${user}@${formatHostPort(this.options.publicAddress, flow.localPort)}${suffix}>`;
  }

  /** A connection that had died unnoticed is opened again, once. */
  private async tryHop(exchange: Exchange, hop: Hop): Promise<SipResponse | 'timeout' | 'transport'> {
    const flow = await this.flowTo(hop).catch(() => undefined);
    if (!flow) return 'transport';
    const { wasUsed } = flow;
    const result = await this.converse(exchange, flow);
    if (result !== 'transport' || !wasUsed) return result;
    const fresh = await this.flowTo(hop).catch(() => undefined);
    return fresh ? this.converse(exchange, fresh) : 'transport';
  }

  private async converse(exchange: Exchange, flow: Flow): Promise<SipResponse | 'timeout' | 'transport'> {
    const mayAnswer = exchange.digest.exchange();
    for (let round = 1; ; round++) {
      const request = this.build(exchange.draft(), flow);
      exchange.digest.authorize(request);
      const result = await this.once(request, flow, exchange.onAccepted);
      if (typeof result === 'string') return result;
      const wantsLogin = result.status === 401 || result.status === 407;
      if (!wantsLogin || round === MAX_ROUNDS || !mayAnswer(result)) return result;
    }
  }

  private once(
    request: SipRequest,
    flow: Flow,
    onAccepted: Exchange['onAccepted'],
  ): Promise<SipResponse | 'timeout' | 'transport'> {
    return new Promise((resolve) => {
      this.send(request, flow, {
        onResponse: (response) => {
          if (response.status < 200) return;
          if (response.status < 300) onAccepted?.(response, request);
          resolve(response);
        },
        onFailure: resolve,
        onEnd: () => undefined,
      });
    });
  }
}
