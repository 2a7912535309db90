import { randomBytes } from 'node:crypto';
import { answerChallenge, chooseChallenges, type DigestChallenge } from '../message/digest.js';
import { type SipRequest, type SipResponse } from '../message/sip-message.js';
import { type SipCredentials } from '../sip-types.js';

interface Learned {
  header: 'authorization' | 'proxy-authorization';
  challenge: DigestChallenge;
  uses: number;
}

/** How often one request is sent again with a fresh nonce after `stale=true`, and realms it may pass. */
const MAX_STALE = 2;
const MAX_REALMS = 4;

/** Logs in where we are asked to, and from then on before we are asked again. One for each call or registration. */
export class DigestClient {
  private readonly learned = new Map<string, Learned>();

  constructor(
    private readonly credentials: SipCredentials | undefined,
    private readonly newCnonce: () => string = () => randomBytes(12).toString('hex'),
  ) {}

  /** Puts an answer to every challenge met so far into a request. */
  authorize(request: SipRequest): void {
    if (!this.credentials) return;
    const values = new Map<string, string[]>();
    for (const learned of this.learned.values()) {
      const value = answerChallenge({
        challenge: learned.challenge,
        username: this.credentials.username,
        password: this.credentials.password,
        method: request.method,
        uri: request.uri,
        body: request.body,
        nonceCount: ++learned.uses,
        cnonce: this.newCnonce(),
      });
      values.set(learned.header, [...(values.get(learned.header) ?? []), value]);
    }
    for (const [header, answers] of values) request.headers.set(header, answers);
  }

  /** The rounds of one request. The function says of a 401 or 407 whether it is worth sending the request again. */
  exchange(): (response: SipResponse) => boolean {
    const rounds = new Map<string, number>();
    return (response) => {
      const header = response.status === 407 ? 'proxy-authorization' : 'authorization';
      const challenges = this.credentials
        ? chooseChallenges(
            response.headers.all(response.status === 407 ? 'proxy-authenticate' : 'www-authenticate'),
            this.credentials.realm,
          )
        : [];
      return challenges.filter((challenge) => this.learn(header, challenge, rounds)).length > 0;
    };
  }

  private learn(header: Learned['header'], challenge: DigestChallenge, rounds: Map<string, number>): boolean {
    const key = `${header} ${challenge.realm}`;
    const round = rounds.get(key) ?? 0;
    // The second challenge of a realm means that the password was wrong, unless only the nonce was too old.
    if (round > 0 && !(challenge.stale && round <= MAX_STALE)) return false;
    if (!this.learned.has(key) && this.learned.size >= MAX_REALMS) return false;
    rounds.set(key, round + 1);
    this.learned.set(key, { header, challenge, uses: 0 });
    return true;
  }
}
