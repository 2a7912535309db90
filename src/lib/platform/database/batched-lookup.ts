import { Batcher } from '../async/batcher.js';
import { type Database, type NamedStatement } from './database.js';

/**
 * Finds rows by key, those asked for at the same time in one round trip.
 *
 * The statement gets one array for each column of the key, and returns at most one row for each key with its place in
 * the arrays as `n`, from 1. It should look like
 * `select k.n, t.… from unnest($1::…[], …) with ordinality as k(…, n) cross join lateral (select … limit 1) t`:
 * the limit keeps PostgreSQL from planning a join that reads the whole table while that is still small.
 */
export class BatchedLookup<Key extends readonly unknown[], Row extends object> {
  private readonly lookups: Batcher<Key, Row | undefined>;

  constructor(
    private readonly database: Database,
    private readonly statement: NamedStatement,
    private readonly keyColumns: number,
  ) {
    this.lookups = new Batcher((keys) => this.findAll(keys), { maxBatch: 100, maxInFlight: 2 });
  }

  find(...key: Key): Promise<Row | undefined> {
    return this.lookups.submit(key);
  }

  private async findAll(keys: Key[]): Promise<(Row | undefined)[]> {
    const columns = Array.from({ length: this.keyColumns }, (_, column) => keys.map((key) => key[column]));
    const found: (Row | undefined)[] = keys.map(() => undefined);
    for (const { n, ...row } of await this.database.query<Row & { n: string }>(this.statement, columns))
      found[Number(n) - 1] = row as unknown as Row;
    return found;
  }
}
