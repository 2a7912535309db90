import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { Database, isId, Log } from '../lib/platform/index.js';
import { repairWav } from '../lib/audio/index.js';
import { CallCommands, RecordingLinks } from '../calls/index.js';
import { Recordings } from './recordings.js';

const CAUSE = { service: 'recordings' };
/** A shorter WAV file has no audio: the process died before it wrote any. */
const HEADER_BYTES = 44;
/** Expired recordings deleted at once. */
const BATCH = 100;

/**
 * Moves the files of media workers into the store. Every step is idempotent: after a crash, any process of the same
 * machine continues.
 */
@Injectable()
export class RecordingFinisher {
  /** Work in progress by file, so that this process finishes each file once. */
  private readonly running = new Map<string, Promise<void>>();

  constructor(
    private readonly database: Database,
    private readonly calls: CallCommands,
    private readonly recordings: Recordings,
    private readonly log: Log,
  ) {}

  /** Finishes the files of ended calls that no worker holds any more. */
  async sweep(): Promise<void> {
    await mkdir(this.recordings.incoming, { recursive: true, mode: 0o700 });
    const files = (await readdir(this.recordings.incoming)).filter((file) => file.endsWith('.wav'));
    const ids = [...new Set(files.map(callIdOf))].filter(isId);
    if (ids.length === 0) return;
    const ended = await this.database.query<{ id: string }>(
      `select c.id from calls c where c.id = any ($1) and c.ended_at is not null
         and not exists (select from live_calls l where l.call_id = c.id)`,
      [ids],
    );
    for (const { id } of ended)
      for (const file of files.filter((each) => callIdOf(each) === id))
        await this.tryToFinish(id, join(this.recordings.incoming, file));
  }

  /**
   * Starts to finish the recording of an attempt, if there is one; after a failure the next sweep repeats it. Does not
   * wait: a slow bucket must not hold the line or the slot of the worker.
   */
  finishSoon(callId: string, claim: string): Promise<void> {
    void this.tryToFinish(callId, this.recordings.fileFor(callId, claim));
    return Promise.resolve();
  }

  /** Resolves when no work is in progress. */
  async idle(): Promise<void> {
    await Promise.all(this.running.values());
  }

  /** Finishes the recording of an attempt after its media is closed. */
  async finish(callId: string, path: string): Promise<void> {
    const durationMs = await this.repair(callId, path);
    if (durationMs === undefined) return;
    // The call was not answered.
    if (durationMs === 0) return rm(path, { force: true });
    await this.recordings.store.put(`${callId}.wav`, path);
    const at = new Date().toISOString();
    const url = RecordingLinks.pathOf(callId);
    await this.calls.execute(callId, { type: 'RecordCall', at, url, durationMs: Math.round(durationMs) }, CAUSE);
    // Last, so that a sweep after a crash finds the file again.
    await rm(path, { force: true });
  }

  /** Deletes recordings of calls that ended `days` ago. */
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

  /** @returns milliseconds of audio; undefined without a file to finish */
  private async repair(callId: string, path: string): Promise<number | undefined> {
    try {
      return await repairWav(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      if (code !== undefined) throw error;
      if ((await stat(path)).size < HEADER_BYTES) return 0;
      // A retry would fail again.
      await rename(path, `${path}.unreadable`);
      this.log.error({ err: error, callId }, 'recording is not readable; renamed to .unreadable');
      return undefined;
    }
  }

  /** Never rejects. */
  private tryToFinish(callId: string, path: string): Promise<void> {
    const running = this.running.get(path);
    if (running) return running;
    const work = this.finishOrLog(callId, path).finally(() => this.running.delete(path));
    this.running.set(path, work);
    return work;
  }

  private async finishOrLog(callId: string, path: string): Promise<void> {
    try {
      await this.finish(callId, path);
    } catch (error) {
      // Another process has finished it.
      if (!existsSync(path)) return;
      this.log.error({ err: error, callId }, 'recording could not be finished; the next sweep tries again');
    }
  }
}

const callIdOf = (file: string): string => file.split('.')[0] ?? '';
