import { type Dialog } from './dialog.js';
import { type DigestClient } from '../transaction/digest-client.js';
import { EarlyDialogs, reliableNumber, sdpOf } from './early-dialogs.js';
import { type Flow } from '../transport/flow.js';
import { type AttemptOutcome, InviteAttempt } from './invite-attempt.js';
import { type Hop } from '../transport/locate.js';
import { inviteDraft } from './invite-draft.js';
import { type SipCore } from '../sip-core.js';
import { type SipRequest, type SipResponse } from '../message/sip-message.js';
import { MIN_SESSION_SECONDS } from './session-timer.js';
import { Timer } from '../transaction/sip-timers.js';
import { parseNumber } from '../message/sip-text.js';
import { type CallEventBody, type CallFailed, type CallRequest } from '../sip-types.js';

export type GivenUp = 'cancelled' | 'ring-timeout';

export type SetupResult =
  { kind: 'answered'; dialog: Dialog; response: SipResponse; sdp: string } | { kind: 'failed'; failed: CallFailed };

export interface InviteSetupDeps {
  core: SipCore;
  request: CallRequest;
  digest: DigestClient;
  localTag: string;
  tell: (event: CallEventBody) => void;
}

const MAX_ROUNDS = 6;
const MAX_EARLY_MEDIA = 20;

/** Everything from the first INVITE to the final response (RFC 3261 section 13, RFC 3263 section 4.3). */
export class InviteSetup {
  private early = new EarlyDialogs();
  private readonly ringTimer = new Timer();
  private readonly failover = new Timer();
  private attempt: InviteAttempt | undefined;
  private givenUp: GivenUp | undefined;
  private readonly gaveUp: Promise<void>;
  private tellGaveUp: () => void = () => undefined;
  private cseq = 0;
  private minSe = MIN_SESSION_SECONDS;
  /** A phone rang, or media came: no other target is tried. */
  private progressed = false;
  private readonly reported = { trying: false, ringing: false, early: 0, earlySdp: '' };

  constructor(private readonly parts: InviteSetupDeps) {
    this.gaveUp = new Promise((resolve) => (this.tellGaveUp = resolve));
  }

  /** The dialog of a phone that rings. */
  earlyDialog(tag: string): Dialog | undefined {
    return this.early.byTag(tag)?.dialog;
  }

  /** Calls. Never rejects. */
  async run(): Promise<SetupResult> {
    this.ringTimer.set(this.parts.request.ringTimeoutMs, () => {
      this.giveUp('ring-timeout');
    });
    try {
      return await this.tryTargets();
    } finally {
      this.ringTimer.stop();
      this.failover.stop();
    }
  }

  /** Takes the call back; `run` resolves when the far end has confirmed, or will not. */
  giveUp(cause: GivenUp): void {
    this.givenUp ??= cause;
    // A target that was silent until the ring timeout is not waited for; should it wake up, it is cancelled.
    if (cause === 'ring-timeout' && this.attempt?.wasHeard === false) this.attempt.abandon();
    else this.attempt?.cancel();
    this.tellGaveUp();
  }

  /** Gives it up without a word to the far end. */
  stop(): void {
    this.givenUp ??= 'cancelled';
    this.ringTimer.stop();
    this.failover.stop();
    this.tellGaveUp();
  }

  private async tryTargets(): Promise<SetupResult> {
    let failed = failure('transport', 'No target was found');
    const hops = await this.hops();
    for (const [index, hop] of hops.entries()) {
      const result = await this.tryHop(hop, index === hops.length - 1);
      if (result.kind === 'answered') return result;
      ({ failed } = result);
      if (this.givenUp || this.progressed || !this.mayFailOver(failed)) break;
    }
    return { kind: 'failed', failed: this.givenUp ? this.asGivenUp(failed, this.givenUp) : failed };
  }

  private async hops(): Promise<Hop[]> {
    const { core, request } = this.parts;
    const found = request.targets.map((target) => core.hopsOf(target).catch(() => []));
    return ((await this.orGaveUp(Promise.all(found))) ?? []).flat();
  }

  /** undefined when the call was given up first. */
  private orGaveUp<T>(work: Promise<T>): Promise<T | undefined> {
    return Promise.race([work, this.gaveUp.then(() => undefined)]);
  }

  private async tryHop(hop: Hop, isLast: boolean): Promise<SetupResult> {
    const { core, digest } = this.parts;
    let flow = await this.orGaveUp(core.flowTo(hop).catch(() => undefined));
    if (!flow) return { kind: 'failed', failed: failure('transport', `${hop.address}:${hop.port} cannot be reached`) };
    const mayAnswer = digest.exchange();
    for (let round = 1; ; round++) {
      if (this.givenUp) return { kind: 'failed', failed: failure('no-response', '') };
      const { wasUsed } = flow;
      const outcome = await this.invite(flow, hop, isLast);
      if (outcome.kind === 'transport' && wasUsed && !this.attempt?.wasHeard) {
        // The connection had died unnoticed: a new one, once, as that was not used before.
        flow = (await this.orGaveUp(core.flowTo(hop).catch(() => undefined))) ?? flow;
        if (!flow.wasUsed) continue;
      }
      if (outcome.kind !== 'refused') return this.resultOf(outcome);
      const again = round < MAX_ROUNDS && this.worthAnother(outcome.response, mayAnswer);
      if (!again) return this.resultOf(outcome);
    }
  }

  private worthAnother(response: SipResponse, mayAnswer: (response: SipResponse) => boolean): boolean {
    if (response.status === 401 || response.status === 407) return mayAnswer(response);
    if (response.status !== 422) return false;
    const wanted = parseNumber(response.headers.get('min-se')?.split(';')[0]) ?? 0;
    if (wanted <= this.minSe) return false;
    this.minSe = wanted;
    return true;
  }

  private async invite(flow: Flow, hop: Hop, isLast: boolean): Promise<AttemptOutcome> {
    const { core, digest } = this.parts;
    const invite = this.newInvite(flow);
    const early = new EarlyDialogs();
    this.early = early;
    const onProvisional = (response: SipResponse): void => {
      this.provisional(invite, response, hop);
    };
    const attempt = new InviteAttempt({ core, digest, invite, flow, hop, early, onProvisional });
    this.attempt = attempt;
    attempt.start();
    if (!isLast)
      this.failover.set(core.timers.failoverMs, () => {
        if (!attempt.wasHeard) attempt.abandon();
      });
    const outcome = await attempt.outcome;
    this.failover.stop();
    // What was at work there may ring a phone; it is not for us to ring a second one.
    if (outcome.kind === 'transport' && attempt.wasHeard) this.progressed = true;
    return outcome;
  }

  private newInvite(flow: Flow): SipRequest {
    const { core, request, digest, localTag } = this.parts;
    const sessionSeconds = Math.max(core.options.sessionExpiresSeconds, this.minSe);
    const draft = inviteDraft(request, { localTag, cseq: ++this.cseq, sessionSeconds, minSe: this.minSe });
    const invite = core.build(draft, flow);
    digest.authorize(invite);
    return invite;
  }

  private provisional(invite: SipRequest, response: SipResponse, hop: Hop): void {
    const { tell } = this.parts;
    if (!this.reported.trying) tell({ type: 'trying' });
    this.reported.trying = true;
    if (response.status === 100) return;
    this.progressed = true;
    if (response.status === 180 && !this.reported.ringing) {
      this.reported.ringing = true;
      tell({ type: 'ringing' });
    }
    this.tellEarly(response);
    const early = this.early.learn(invite, response, hop);
    const rseq = early && reliableNumber(early, response);
    if (early && rseq !== undefined) this.parts.core.background(this.prack(early.dialog, rseq, invite));
  }

  private tellEarly(response: SipResponse): void {
    const sdp = sdpOf(response);
    if (sdp === undefined || sdp === this.reported.earlySdp || this.reported.early >= MAX_EARLY_MEDIA) return;
    this.reported.early++;
    this.reported.earlySdp = sdp;
    this.parts.tell({ type: 'early', sdp });
  }

  /** RFC 3262. The far end repeats what is not acknowledged, so a failure needs no care of ours. */
  private async prack(dialog: Dialog, rseq: number, invite: SipRequest): Promise<void> {
    const { core, digest } = this.parts;
    const headers = { rack: `${rseq} ${invite.headers.get('cseq') ?? ''}` };
    const hops = await core.hopsWithin(dialog);
    await core.request({ hops, digest, draft: () => dialog.next('PRACK', { headers }) });
  }

  private resultOf(outcome: AttemptOutcome): SetupResult {
    switch (outcome.kind) {
      case 'answered':
        return outcome;
      case 'refused':
      case 'too-late':
        return { kind: 'failed', failed: failureOf(outcome.response) };
      case 'timeout':
        return { kind: 'failed', failed: failure('no-response', '') };
      case 'transport':
        return { kind: 'failed', failed: failure('transport', 'The connection broke') };
    }
  }

  /** RFC 3263 section 4.3: another target is tried after a 503 and when no response came. */
  private mayFailOver(failed: CallFailed): boolean {
    if (failed.cause !== 'response') return true;
    return failed.status === 503 && !this.parts.request.isFinal?.(failed);
  }

  /** What the far end refused by itself stays its refusal, and a carrier that never spoke stays silent. */
  private asGivenUp(failed: CallFailed, cause: GivenUp): CallFailed {
    const { status } = failed;
    if (cause === 'ring-timeout' && status === null && !this.reported.trying) return failed;
    const isOurs = status === null || status < 300 || status === 401 || status === 407 || status === 487;
    return isOurs ? { ...failed, cause } : failed;
  }
}

const failure = (cause: CallFailed['cause'], phrase: string): CallFailed => ({
  type: 'failed',
  status: null,
  phrase,
  reasonHeaders: [],
  headers: {},
  cause,
});

function failureOf({ status, phrase, headers }: SipResponse): CallFailed {
  const kept = ['retry-after', 'warning'].flatMap((name) => {
    const values = headers.all(name);
    return values.length > 0 ? [[name, values.join(', ')] as const] : [];
  });
  return {
    type: 'failed',
    status,
    phrase,
    reasonHeaders: [...headers.all('reason')],
    headers: Object.fromEntries(kept),
    cause: 'response',
  };
}
