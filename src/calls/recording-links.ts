import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type Config } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { Log, SecretBox } from '../lib/platform/index.js';
import { checkLink, type LinkProblem, recordingPath } from './recording-signature.js';

/** Lifetime of a link to a recording. */
const LINK_MS = 60 * 60_000;

/** Signs and checks the links that play recordings. */
@Injectable()
export class RecordingLinks {
  private key: Buffer | undefined;
  private baseUrl: string;

  constructor(
    @InjectConfig() config: Config,
    private readonly secrets: SecretBox,
    private readonly log: Log,
  ) {
    this.baseUrl = config.publicUrl ?? '';
  }

  /** Sets the address of this process. Links use it without PUBLIC_URL. */
  servedAt(url: string): void {
    this.baseUrl ||= url.replace(/\/\/(0\.0\.0\.0|\[::\])/, '//localhost');
  }

  /** The stored `recording` of a call that this server has recorded: a path of the API. */
  static pathOf(callId: string): string {
    return `/v1/calls/${callId}/recording`;
  }

  /** The URL that a client can play: signed for recordings of this server, unchanged for others. */
  linkTo(recording: string | null, callId: string): string | null {
    if (recording !== RecordingLinks.pathOf(callId)) return recording;
    return this.baseUrl + recordingPath(this.signingKey(), callId, new Date(Date.now() + LINK_MS));
  }

  check(callId: string, expires: string, signature: string): LinkProblem | undefined {
    return checkLink(this.signingKey(), callId, expires, signature, new Date());
  }

  /** The same in all processes. Without a shared ENCRYPTION_KEY, links are valid in this process only. */
  private signingKey(): Buffer {
    if (this.key) return this.key;
    try {
      this.key = this.secrets.keyFor('recording links');
    } catch (error) {
      this.log.warn({ err: error }, 'links to recordings are valid only in this process and until it ends');
      this.key = randomBytes(32);
    }
    return this.key;
  }
}
