import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { type Config } from '../config/config.js';
import { type Log, type SecretBox } from '../lib/platform/index.js';
import { checkLink, type LinkProblem, recordingPath } from '../calls/index.js';
import { LocalRecordings, type RecordingStore, S3Recordings } from './recording-store.js';

/** How long a link to a recording can be followed. */
const LINK_MS = 60 * 60_000;

/** Where recordings are while a call goes on, where they go afterwards, and how they are found. */
export class Recordings {
  readonly store: RecordingStore;
  /** Media workers write here; what is finished leaves it. */
  readonly incoming: string;
  private key: Buffer | undefined;
  private baseUrl: string;

  constructor(
    config: Pick<Config, 'dataDir' | 'recordingsUrl' | 'publicUrl'>,
    private readonly secrets: SecretBox,
    private readonly log: Log,
  ) {
    const folder = resolve(config.dataDir, 'recordings');
    this.incoming = join(folder, 'incoming');
    this.store = config.recordingsUrl ? new S3Recordings(config.recordingsUrl) : new LocalRecordings(folder);
    this.baseUrl = config.publicUrl ?? '';
  }

  /** Tells where this process serves, for links when no PUBLIC_URL is set. */
  servedAt(url: string): void {
    this.baseUrl ||= url.replace(/\/\/(0\.0\.0\.0|\[::\])/, '//localhost');
  }

  /** What the call says of its recording: a path of the API for our own. */
  static pathOf(callId: string): string {
    return `/v1/calls/${callId}/recording`;
  }

  /** The address that a client can play: ours signed, others as they are. */
  linkTo(recording: string | null, callId: string): string | null {
    if (recording !== Recordings.pathOf(callId)) return recording;
    return this.baseUrl + recordingPath(this.linkKey(), callId, new Date(Date.now() + LINK_MS));
  }

  check(callId: string, expires: string, signature: string): LinkProblem | undefined {
    return checkLink(this.linkKey(), callId, expires, signature, new Date());
  }

  /** Where a recording can be read until then. */
  locate(callId: string, expiresAt: Date): Promise<{ path: string } | { url: string } | undefined> {
    return this.store.locate(`${callId}.wav`, expiresAt);
  }

  /** The file that an attempt records into. */
  fileFor(callId: string, claim: string): string {
    return join(this.incoming, `${callId}.${claim}.wav`);
  }

  /** The same in all processes; without an ENCRYPTION_KEY that they share, links are good in this process only. */
  private linkKey(): Buffer {
    if (this.key) return this.key;
    try {
      this.key = this.secrets.keyFor('recording links');
    } catch (error) {
      this.log.warn({ err: error }, 'links to recordings are good in this process only, until it ends');
      this.key = randomBytes(32);
    }
    return this.key;
  }
}
