import { randomUUID } from 'node:crypto';
import { DigestClient } from './transaction/digest-client.js';
import { formatNameAddr, parseNameAddr } from './message/name-addr.js';
import { type RequestDraft } from './message/request-draft.js';
import { type SipCore } from './sip-core.js';
import { type SipResponse } from './message/sip-message.js';
import { newTag } from './message/sip-response.js';
import { parseNumber } from './message/sip-text.js';
import { Timer } from './transaction/sip-timers.js';
import { type RegisterRequest, type Registration } from './sip-types.js';
import { parseSipUri } from './message/sip-uri.js';

const DEFAULT_SECONDS = 600;
const MAX_SECONDS = 86_400;
/** After a failure: doubled each time, up to the last (RFC 5626 section 4.5). */
const RETRY_SECONDS = 5;
const MAX_RETRY_SECONDS = 300;

/** Tells a registrar where we are, again and again (RFC 3261 section 10). Owns a timer. */
export class SipRegistration implements Registration {
  registered = false;
  status: number | null = null;
  readonly first: Promise<number>;
  private readonly digest: DigestClient;
  private readonly timer = new Timer();
  private readonly callId = randomUUID();
  private readonly localTag = newTag();
  private readonly registrar: string;
  private cseq = 0;
  private seconds: number;
  private failures = 0;
  private closing: Promise<void> | undefined;
  private running: Promise<number>;

  /** @throws TypeError when the address of record is no SIP URI */
  constructor(
    private readonly core: SipCore,
    private readonly request: RegisterRequest,
    private readonly onClosed: (registration: SipRegistration) => void,
  ) {
    const aor = parseSipUri(request.aor);
    if (!aor) throw new TypeError('Not a SIP URI');
    this.registrar = `${aor.scheme}:${aor.host.includes(':') ? `[${aor.host}]` : aor.host}`;
    this.seconds = Math.min(request.expiresSeconds ?? DEFAULT_SECONDS, MAX_SECONDS);
    this.digest = new DigestClient(request.credentials);
    this.running = this.first = this.refresh();
  }

  close(): Promise<void> {
    this.closing ??= this.unregister();
    return this.closing;
  }

  /** Ends without a word. */
  stop(): void {
    this.closing ??= Promise.resolve();
    this.timer.stop();
  }

  private async refresh(): Promise<number> {
    const response = await this.send(this.seconds);
    const status = response?.status ?? 408;
    if (this.closing) return status;
    this.status = status;
    this.registered = response !== null && status < 300;
    this.failures = this.registered ? 0 : this.failures + 1;
    const wait = this.registered ? this.grantedSeconds(response) * 0.8 : this.retrySeconds();
    this.timer.set(wait * this.core.timers.secondMs, () => {
      this.running = this.refresh();
    });
    this.request.onChange?.(this.registered, status);
    return status;
  }

  private async unregister(): Promise<void> {
    this.timer.stop();
    await this.running;
    if (this.registered) await this.send(0);
    this.registered = false;
    this.onClosed(this);
  }

  private async send(seconds: number): Promise<SipResponse | null> {
    const response = await this.sendOnce(seconds);
    const wanted = parseNumber(response?.headers.get('min-expires'), MAX_SECONDS) ?? 0;
    if (response?.status !== 423 || wanted <= this.seconds) return response;
    this.seconds = wanted;
    return this.sendOnce(wanted);
  }

  private async sendOnce(seconds: number): Promise<SipResponse | null> {
    const { core, request, digest } = this;
    const hops = (await Promise.all(request.targets.map((target) => core.hopsOf(target)))).flat();
    return core.request({ hops, digest, draft: () => this.draft(seconds) }).catch((error: unknown) => {
      core.options.onProblem('A SIP registration failed', error);
      return null;
    });
  }

  private draft(seconds: number): RequestDraft {
    const party = formatNameAddr(this.request.aor);
    return {
      method: 'REGISTER',
      uri: this.registrar,
      from: `${party};tag=${this.localTag}`,
      to: party,
      callId: this.callId,
      cseq: ++this.cseq,
      headers: { expires: seconds },
    };
  }

  /** What the registrar made of it: in our Contact, or for all of them. */
  private grantedSeconds(response: SipResponse | null): number {
    const contacts = response?.headers.all('contact').map(parseNameAddr) ?? [];
    const inContact = contacts.map((contact) => parseNumber(contact?.params.get('expires'), MAX_SECONDS));
    const granted = inContact.filter((number) => number !== undefined);
    const shortest = granted.length > 0 ? Math.min(...granted) : undefined;
    return Math.max(1, shortest ?? parseNumber(response?.headers.get('expires'), MAX_SECONDS) ?? this.seconds);
  }

  private retrySeconds(): number {
    return Math.min(RETRY_SECONDS * 2 ** (this.failures - 1), MAX_RETRY_SECONDS);
  }
}
