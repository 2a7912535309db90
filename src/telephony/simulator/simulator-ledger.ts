import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type DialRequest, type LegSignal } from '../provider.js';

/** Somebody asked for a call. Only the first record of a reference counts. Times are ISO 8601. */
export interface LedgerDial extends Omit<DialRequest, 'attemptId' | 'line'> {
  type: 'dial';
  /** The attempt's id. */
  reference: string;
  at: string;
  /** 10 is ten times faster than real time; may be `Infinity`. */
  speed: number;
  /** How often its call was dialled before, where the number minds. */
  dialsBefore: number;
  /** Where it has audio: the run of a process whose line it is. */
  carriedBy?: string | undefined;
}

/** Somebody asked about a reference that nobody had dialled: it is refused from then on. */
export interface LedgerNever {
  type: 'never';
  reference: string;
  at: string;
}

export interface LedgerHangup {
  type: 'hangup';
  reference: string;
  at: string;
}

/** What happened on a line that has audio, by whoever carries it. */
export interface LedgerTold {
  type: 'told';
  reference: string;
  signal: LegSignal;
}

/** Somebody took over a leg whose line was in another process: nobody can carry it on. */
export interface LedgerLost {
  type: 'lost';
  reference: string;
  at: string;
}

/** What changes how a leg goes. The first that ends it counts. */
export type LedgerSequel = LedgerHangup | LedgerTold | LedgerLost;

/** A dial of a call to a number that counts dials. */
interface LedgerTry {
  type: 'try';
  callId: string;
  reference: string;
}

export type LedgerEntry = LedgerDial | LedgerNever | LedgerSequel | LedgerTry;

const SEQUELS: readonly LedgerEntry['type'][] = ['hangup', 'told', 'lost'];

/**
 * What the simulated carrier knows, on disk, for all processes of one machine at once. A record is in the file before
 * the caller hears of it, so it survives `kill -9` of every process, though not the loss of power.
 *
 * Files are only appended to, by one write a record (O_APPEND: writers never overlap on a local file system), so that
 * everybody reads the same order and the first record of a reference decides between racing processes. References are
 * spread over many small files, so that a look-up needs no index in memory. Everything is synchronous: such writes and
 * reads take microseconds, less than a trip to the thread pool.
 */
export class SimulatorLedger {
  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  /** Records a dial, or that there will be none, and returns which came first for that reference. */
  claim(entry: LedgerDial | LedgerNever): LedgerDial | LedgerNever {
    this.append(entry.reference, entry);
    const first = this.first(entry.reference);
    if (!first) throw new Error(`The ledger in ${this.folder} lost a record`);
    return first;
  }

  /** What was first recorded of a reference. */
  first(reference: string): LedgerDial | LedgerNever | undefined {
    return this.naming(reference).find(
      (entry): entry is LedgerDial | LedgerNever =>
        (entry.type === 'dial' || entry.type === 'never') && entry.reference === reference,
    );
  }

  /** Records a hang-up; only the first counts. */
  hangup(reference: string, at: string): void {
    this.append(reference, { type: 'hangup', reference, at });
  }

  hangupOf(reference: string): LedgerHangup | undefined {
    return this.naming(reference).find(
      (entry): entry is LedgerHangup => entry.type === 'hangup' && entry.reference === reference,
    );
  }

  tell(reference: string, signal: LegSignal): void {
    this.append(reference, { type: 'told', reference, signal });
  }

  /** Records that a line is lost; only counts where nothing has ended it before. */
  lose(reference: string, at: string): void {
    this.append(reference, { type: 'lost', reference, at });
  }

  /** All that changes how a leg goes, in one order for everybody. */
  sequelOf(reference: string): LedgerSequel[] {
    return this.naming(reference).filter(
      (entry): entry is LedgerSequel => SEQUELS.includes(entry.type) && entry.reference === reference,
    );
  }

  /** What ended a leg before its script did, if anything was recorded to. */
  endingOf(reference: string): LedgerSequel | undefined {
    return this.sequelOf(reference).find((entry) => entry.type !== 'told' || entry.signal.type === 'ended');
  }

  /** How many other references of a call were counted before this one; the same answer however often it is asked. */
  dialsBefore(callId: string, reference: string): number {
    this.append(callId, { type: 'try', callId, reference });
    const tries = this.naming(callId).filter((entry) => entry.type === 'try' && entry.callId === callId);
    return [...new Set(tries.map((entry) => entry.reference))].indexOf(reference);
  }

  /** Grows when there may be news of a reference. */
  version(reference: string): number {
    return statSync(this.fileOf(reference)).size;
  }

  /** Every record, in order for each reference. */
  entries(): LedgerEntry[] {
    return readdirSync(this.folder)
      .filter((file) => file.endsWith('.jsonl'))
      .sort()
      .flatMap((file) => readFileSync(join(this.folder, file), 'utf8').split('\n'))
      .flatMap(parse);
  }

  /** The dials that counted: one for each reference that was ever accepted. */
  dials(): LedgerDial[] {
    const firsts = new Map<string, LedgerDial | LedgerNever>();
    for (const entry of this.entries())
      if ((entry.type === 'dial' || entry.type === 'never') && !firsts.has(entry.reference))
        firsts.set(entry.reference, entry);
    return [...firsts.values()].filter((entry) => entry.type === 'dial');
  }

  private append(key: string, entry: LedgerEntry): void {
    // The line feed in front ends what a process that was killed while writing may have left.
    const line = Buffer.from(
      `\n${JSON.stringify(entry, (_, value: unknown) => (value === Infinity ? null : value))}\n`,
    );
    const file = openSync(this.fileOf(key), 'a');
    try {
      if (writeSync(file, line) !== line.length) throw new Error(`The ledger in ${this.folder} took half a record`);
    } finally {
      closeSync(file);
    }
  }

  /** The records that contain a name, in whichever field. */
  private naming(key: string): LedgerEntry[] {
    const named = JSON.stringify(key);
    return this.read(key)
      .split('\n')
      .filter((line) => line.includes(named))
      .flatMap(parse);
  }

  private read(key: string): string {
    try {
      return readFileSync(this.fileOf(key), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    }
  }

  private fileOf(key: string): string {
    return join(this.folder, `${createHash('sha256').update(key).digest('hex').slice(0, 3)}.jsonl`);
  }
}

/** An entry as JSON can hold it: there, infinite speed is null and moments are text. */
type WrittenEntry =
  | Exclude<LedgerEntry, LedgerDial | LedgerTold>
  | (Omit<LedgerDial, 'speed'> & { speed: number | null })
  | (Omit<LedgerTold, 'signal'> & { signal: Omit<LegSignal, 'at'> & { at: string } });

/** A line that a crash cut off holds nothing: whoever wrote it never acknowledged it. */
function parse(line: string): LedgerEntry[] {
  try {
    return [revived(JSON.parse(line) as WrittenEntry)];
  } catch {
    return [];
  }
}

function revived(entry: WrittenEntry): LedgerEntry {
  if (entry.type === 'dial') return { ...entry, speed: entry.speed ?? Infinity };
  if (entry.type !== 'told') return entry;
  return { ...entry, signal: { ...entry.signal, at: new Date(entry.signal.at) } as LegSignal };
}
