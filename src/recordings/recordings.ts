import { join, resolve } from 'node:path';
import { Injectable } from '@nestjs/common';
import { type Config } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { LocalRecordings, type RecordingStore, S3Recordings } from './recording-store.js';

/** The files of recordings: where media workers write them during a call, and the store that keeps them afterwards. */
@Injectable()
export class Recordings {
  readonly store: RecordingStore;
  /** Media workers write here; a finished recording leaves it. */
  readonly incoming: string;

  constructor(@InjectConfig() config: Pick<Config, 'dataDir' | 'recordingsUrl'>) {
    const folder = resolve(config.dataDir, 'recordings');
    this.incoming = join(folder, 'incoming');
    this.store = config.recordingsUrl ? new S3Recordings(config.recordingsUrl) : new LocalRecordings(folder);
  }

  /** A path or a URL at which a recording can be read until `expiresAt`. */
  locate(callId: string, expiresAt: Date): Promise<{ path: string } | { url: string } | undefined> {
    return this.store.locate(`${callId}.wav`, expiresAt);
  }

  /** The file that an attempt records into. */
  fileFor(callId: string, claim: string): string {
    return join(this.incoming, `${callId}.${claim}.wav`);
  }
}
