import { type ClientEvents, ClientTransaction } from './client-transaction.js';
import { type Flow } from '../transport/flow.js';
import { formatHostPort } from '../message/host.js';
import { ServerTransaction } from './server-transaction.js';
import {
  type Essentials,
  essentials,
  serialise,
  type SipMessage,
  type SipRequest,
  type SipResponse,
} from '../message/sip-message.js';
import { respondTo } from '../message/sip-response.js';
import { type SipTimers } from '../sip-types.js';
import { parseVia, withReceived } from '../message/via.js';

export interface TransactionOptions {
  timers: SipTimers;
  /** A request that is new; ACK and CANCEL are dealt with here. */
  onRequest: (transaction: ServerTransaction, parts: Essentials) => void;
  onProblem: (problem: string, detail?: unknown) => void;
}

/** What begins the branches of RFC 3261; older ones name nothing by themselves. */
const MAGIC = 'z9hG4bK';
const MAX_SERVER_TRANSACTIONS = 10_000;

/** Owns the transactions of a user agent and routes messages to them (RFC 3261 section 17). */
export class Transactions {
  private readonly clients = new Map<string, ClientTransaction>();
  private readonly servers = new Map<string, ServerTransaction>();
  /** INVITEs by what the ACK of a 2xx has in common with them. */
  private readonly invites = new Map<string, ServerTransaction>();

  constructor(private readonly options: TransactionOptions) {}

  /** How many are alive. */
  get size(): number {
    return this.clients.size + this.servers.size;
  }

  /** Sends a request that has its Via. */
  request(request: SipRequest, flow: Flow, events: ClientEvents): ClientTransaction {
    const branch = parseVia(request.headers.get('via') ?? '')?.params.get('branch') ?? '';
    const key = `${branch} ${request.method}`;
    const transaction = new ClientTransaction(request, flow, this.options.timers, {
      ...events,
      onEnd: () => {
        this.clients.delete(key);
        events.onEnd();
      },
    });
    this.clients.set(key, transaction);
    transaction.start();
    return transaction;
  }

  /** Takes what arrived. */
  receive(message: SipMessage, malformed: boolean, flow: Flow): void {
    const parts = malformed ? undefined : essentials(message);
    if (message.kind === 'request') this.receiveRequest(message, parts, flow);
    else if (parts) this.receiveResponse(message, parts);
    else this.options.onProblem('A SIP response is malformed', { address: flow.address });
  }

  /** Aborts all transactions: each client transaction reports that no response will come. */
  close(): void {
    for (const transaction of [...this.clients.values()]) transaction.abort();
    for (const transaction of [...this.servers.values()]) transaction.terminate();
  }

  private receiveResponse(response: SipResponse, { branch, cseq }: Essentials): void {
    this.clients.get(`${branch} ${cseq.method}`)?.receive(response);
  }

  private receiveRequest(request: SipRequest, parts: Essentials | undefined, flow: Flow): void {
    const { method, headers } = request;
    const via = parseVia(headers.get('via') ?? '');
    if (!via) {
      this.options.onProblem('A SIP request has no Via', { address: flow.address });
      return;
    }
    const [first = '', ...others] = headers.all('via');
    headers.set('via', [withReceived(first, flow.address, flow.port), ...others]);
    const back = via.params.has('rport') ? flow : flow.at(via.port ?? 5060);
    if (!parts || parts.cseq.method !== method) {
      this.options.onProblem('A SIP request is malformed', { address: flow.address, method });
      if (method !== 'ACK') back.send(serialise(respondTo(request, 400)));
    } else if (method === 'ACK') this.receiveAck(request, parts);
    else this.serve(request, parts, back);
  }

  private receiveAck(request: SipRequest, parts: Essentials): void {
    const transaction = this.servers.get(serverKey(parts, 'INVITE')) ?? this.invites.get(inviteKey(parts));
    transaction?.acknowledge(request);
  }

  private serve(request: SipRequest, parts: Essentials, flow: Flow): void {
    const key = serverKey(parts, request.method);
    const known = this.servers.get(key);
    if (known) {
      known.again();
      return;
    }
    if (this.servers.size >= MAX_SERVER_TRANSACTIONS) {
      flow.send(serialise(respondTo(request, 503, { headers: { 'retry-after': '10' } })));
      return;
    }
    const isInvite = request.method === 'INVITE';
    const transaction = new ServerTransaction(request, flow, this.options.timers, () => {
      this.servers.delete(key);
      if (this.invites.get(inviteKey(parts)) === transaction) this.invites.delete(inviteKey(parts));
    });
    this.servers.set(key, transaction);
    if (isInvite) this.invites.set(inviteKey(parts), transaction);
    if (request.method === 'CANCEL') this.cancel(transaction, parts);
    else this.options.onRequest(transaction, parts);
  }

  private cancel(transaction: ServerTransaction, parts: Essentials): void {
    const invite = this.servers.get(serverKey(parts, 'INVITE'));
    transaction.respond(respondTo(transaction.request, invite ? 200 : 481));
    if (!invite || invite.isAnswered) return;
    invite.respond(respondTo(invite.request, 487));
    invite.onCancel?.();
  }
}

function serverKey({ branch, via, callId, fromTag, cseq }: Essentials, method: string): string {
  const place = formatHostPort(via.host.toLowerCase(), via.port);
  if (branch.startsWith(MAGIC)) return `${branch} ${place} ${method}`;
  return `${branch} ${place} ${method} ${callId} ${fromTag ?? ''} ${cseq.number}`;
}

const inviteKey = ({ callId, fromTag, toTag, cseq }: Essentials): string =>
  `${callId} ${fromTag ?? ''} ${toTag ?? ''} ${cseq.number}`;
