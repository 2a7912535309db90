import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { Database, isId, Log } from '../lib/platform/index.js';
import { repairWav } from '../lib/audio/index.js';
import { CallCommands, RecordingLinks } from '../calls/index.js';
import { Recordings } from './recordings.js';

const CAUSE = { service: 'recordings' };
/** Of a WAV file of ours: one that is shorter was cut off before anything was recorded. */
const HEADER_BYTES = 44;
/** Recordings whose time is over are deleted so many at once. */
const BATCH = 100;

/**
 * Makes recordings of what media workers wrote. Every step can be repeated: whatever a crash leaves is taken up again,
 * by any process of the same machine.
 */
@Injectable()
export class FinishRecordings {
  /** By file: nothing is done twice at once, at least in this process. */
  private readonly underWay = new Map<string, Promise<void>>();

  constructor(
    private readonly database: Database,
    private readonly calls: CallCommands,
    private readonly recordings: Recordings,
    private readonly log: Log,
  ) {}

  /** Finishes all that nobody writes any more: those of calls that are over and in nobody's hands. */
  async sweep(): Promise<void> {
    await mkdir(this.recordings.incoming, { recursive: true, mode: 0o700 });
    const files = (await readdir(this.recordings.incoming)).filter((file) => file.endsWith('.wav'));
    const ids = [...new Set(files.map(callIdOf))].filter(isId);
    if (ids.length === 0) return;
    const over = await this.database.query<{ id: string }>(
      `select c.id from calls c where c.id = any ($1) and c.ended_at is not null
         and not exists (select from live_calls l where l.call_id = c.id)`,
      [ids],
    );
    for (const { id } of over)
      for (const file of files.filter((each) => callIdOf(each) === id))
        await this.tryToFinish(id, join(this.recordings.incoming, file));
  }

  /**
   * Begins to finish what an attempt has recorded, if anything; a failure is left to the next sweep. Does not wait: a
   * bucket that is slow must not hold a line, nor a worker's place.
   */
  soon(callId: string, claim: string): Promise<void> {
    void this.tryToFinish(callId, this.recordings.fileFor(callId, claim));
    return Promise.resolve();
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.underWay.values());
  }

  /** Finishes what an attempt has recorded; its media is closed. */
  async finish(callId: string, path: string): Promise<void> {
    const durationMs = await this.repair(callId, path);
    if (durationMs === undefined) return;
    // Nobody answered.
    if (durationMs === 0) return rm(path, { force: true });
    await this.recordings.store.put(`${callId}.wav`, path);
    const at = new Date().toISOString();
    const url = RecordingLinks.pathOf(callId);
    await this.calls.execute(callId, { type: 'RecordCall', at, url, durationMs: Math.round(durationMs) }, CAUSE);
    // Last, so that a crash before leaves it to be found again.
    await rm(path, { force: true });
  }

  /** Deletes recordings of calls that ended so many days ago. */
  async expire(days: number): Promise<void> {
    for (let isFull = true; isFull;) {
      const old = await this.database.query<{ id: string }>(
        `select id from calls where recording is not null and recording = '/v1/calls/' || id || '/recording'
           and ended_at < now() - $1 * interval '1 day' order by ended_at limit ${BATCH}`,
        [days],
      );
      for (const { id } of old) {
        await this.recordings.store.remove(`${id}.wav`);
        await this.calls.execute(id, { type: 'DeleteRecording', at: new Date().toISOString() }, CAUSE);
      }
      isFull = old.length === BATCH;
    }
  }

  /** @returns how much was recorded; undefined when there is nothing to finish */
  private async repair(callId: string, path: string): Promise<number | undefined> {
    try {
      return await repairWav(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      if (code !== undefined) throw error;
      if ((await stat(path)).size < HEADER_BYTES) return 0;
      // Trying again would change nothing.
      await rename(path, `${path}.unreadable`);
      this.log.error({ err: error, callId }, 'a recording cannot be read; it is put aside as .unreadable');
      return undefined;
    }
  }

  /** Never rejects. */
  private tryToFinish(callId: string, path: string): Promise<void> {
    const known = this.underWay.get(path);
    if (known) return known;
    const work = this.finishOrLog(callId, path).finally(() => this.underWay.delete(path));
    this.underWay.set(path, work);
    return work;
  }

  private async finishOrLog(callId: string, path: string): Promise<void> {
    try {
      await this.finish(callId, path);
    } catch (error) {
      // Another process was quicker at the same.
      if (!existsSync(path)) return;
      this.log.error({ err: error, callId }, 'a recording could not be finished; it is tried again soon');
    }
  }
}

const callIdOf = (file: string): string => file.split('.')[0] ?? '';
