import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type DialRequest, type LegSignal } from '../provider.js';

/** A dial, or the promise that none follows: the first record of an attempt decides. */
export type LedgerClaim = LedgerDial | LedgerNever;

/** A dial. `reference` is the attempt's id in every record; times are ISO 8601. */
export interface LedgerDial extends Omit<DialRequest, 'attemptId' | 'line'> {
  type: 'dial';
  reference: string;
  at: string;
  /** 10 is ten times faster than real time; may be `Infinity`. */
  speed: number;
  /** How often its call was dialled before, for numbers that count dials. */
  dialsBefore: number;
  /** The run of the provider that carries its line; undefined: scripted, without audio. */
  carriedBy?: string | undefined;
}

/** A look-up of an attempt that was not dialled: its dial is refused from then on. */
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

/** A signal of a leg with audio, recorded by the process that carries its line. */
export interface LedgerSignal {
  type: 'told';
  reference: string;
  signal: LegSignal;
}

/** The loss of a line: another process has taken over its call and cannot carry the line on. */
export interface LedgerLoss {
  type: 'lost';
  reference: string;
  at: string;
}

/** A change of the scripted signals of a leg. The first that ends the leg counts. */
export type LedgerChange = LedgerHangup | LedgerSignal | LedgerLoss;

/** A dial of a call to a number that counts dials. */
interface LedgerTry {
  type: 'try';
  callId: string;
  reference: string;
}

export type LedgerEntry = LedgerClaim | LedgerChange | LedgerTry;

const CHANGE_TYPES: readonly LedgerEntry['type'][] = ['hangup', 'told', 'lost'];

/**
 * The memory of the simulated carrier, on disk, shared by all processes of a machine. A record is in the file before its
 * method returns: it survives `kill -9` of every process, though not a loss of power.
 *
 * Each record is appended by one write (O_APPEND: writers never overlap on a local file system), so that all processes
 * read the same order and the first record of an attempt decides between racing processes. Attempts are spread over many
 * small files, so that a look-up needs no index in memory. Everything is synchronous: such reads and writes take
 * microseconds, less than a trip to the thread pool.
 */
export class SimulatorLedger {
  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  /** Records a dial, or that none follows. @returns the first record of the attempt, which counts */
  claim(entry: LedgerClaim): LedgerClaim {
    this.append(entry.reference, entry);
    const first = this.claimOf(entry.reference);
    if (!first) throw new Error(`The ledger in ${this.folder} lost a record`);
    return first;
  }

  claimOf(attemptId: string): LedgerClaim | undefined {
    return this.entriesNaming(attemptId).find(
      (entry): entry is LedgerClaim =>
        (entry.type === 'dial' || entry.type === 'never') && entry.reference === attemptId,
    );
  }

  /** Only the first hang-up of an attempt counts. */
  recordHangup(attemptId: string, at: string): void {
    this.append(attemptId, { type: 'hangup', reference: attemptId, at });
  }

  hangupOf(attemptId: string): LedgerHangup | undefined {
    return this.entriesNaming(attemptId).find(
      (entry): entry is LedgerHangup => entry.type === 'hangup' && entry.reference === attemptId,
    );
  }

  recordSignal(attemptId: string, signal: LegSignal): void {
    this.append(attemptId, { type: 'told', reference: attemptId, signal });
  }

  /** Counts only if no earlier record ends the leg. */
  recordLoss(attemptId: string, at: string): void {
    this.append(attemptId, { type: 'lost', reference: attemptId, at });
  }

  /** All changes of a leg, in the same order for every process. */
  changesOf(attemptId: string): LedgerChange[] {
    return this.entriesNaming(attemptId).filter(
      (entry): entry is LedgerChange => CHANGE_TYPES.includes(entry.type) && entry.reference === attemptId,
    );
  }

  /** The record that ends a leg before its script does. */
  endOf(attemptId: string): LedgerChange | undefined {
    return this.changesOf(attemptId).find((change) => change.type !== 'told' || change.signal.type === 'ended');
  }

  /** Counts the earlier attempts of a call. The same attempt gets the same answer every time. */
  dialsBefore(callId: string, attemptId: string): number {
    this.append(callId, { type: 'try', callId, reference: attemptId });
    const tries = this.entriesNaming(callId).filter((entry) => entry.type === 'try' && entry.callId === callId);
    return [...new Set(tries.map((entry) => entry.reference))].indexOf(attemptId);
  }

  /** Grows with every record that may be about the attempt. */
  version(attemptId: string): number {
    return statSync(this.fileOf(attemptId)).size;
  }

  /** Every record, in order for each attempt. */
  entries(): LedgerEntry[] {
    return readdirSync(this.folder)
      .filter((file) => file.endsWith('.jsonl'))
      .sort()
      .flatMap((file) => readFileSync(join(this.folder, file), 'utf8').split('\n'))
      .flatMap(parse);
  }

  /** The accepted dials: one for each attempt. */
  dials(): LedgerDial[] {
    const claims = new Map<string, LedgerClaim>();
    for (const entry of this.entries())
      if ((entry.type === 'dial' || entry.type === 'never') && !claims.has(entry.reference))
        claims.set(entry.reference, entry);
    return [...claims.values()].filter((entry) => entry.type === 'dial');
  }

  private append(key: string, entry: LedgerEntry): void {
    // The leading line feed ends a record that a killed process may have left unfinished.
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

  /** The records that contain a key in any field. */
  private entriesNaming(key: string): LedgerEntry[] {
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

/** An entry in JSON: infinite speed is null, and moments are text. */
type WrittenEntry =
  | Exclude<LedgerEntry, LedgerDial | LedgerSignal>
  | (Omit<LedgerDial, 'speed'> & { speed: number | null })
  | (Omit<LedgerSignal, 'signal'> & { signal: Omit<LegSignal, 'at'> & { at: string } });

/** A line that a crash cut off is skipped: its writer never acknowledged it. */
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
