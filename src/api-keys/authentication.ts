import { Batcher, type Database, type NamedStatement } from '../lib/platform/index.js';
import { type Environment, type Scope } from './api-key.js';

/** The caller of a request, derived from its key. */
export interface Caller {
  keyId: string;
  organizationId: string;
  environment: Environment;
  scopes: readonly Scope[];
}

/** Where a key stands in its sliding minute after a request. */
export interface RateState {
  limit: number;
  remaining: number;
  /** Unix seconds: when the oldest counted request leaves the window. */
  resetsAt: number;
  /** Seconds until then. */
  resetsIn: number;
}

export type Authentication =
  { is: 'unknown' } | { is: 'unusable' } | { is: 'admitted' | 'limited'; caller: Caller; rate: RateState | undefined };

interface AdmissionRow {
  place: number;
  id: string;
  organization_id: string;
  environment: Environment;
  scopes: Scope[];
  usable: boolean;
  rate_limit: number;
  granted: number;
  used: number;
  frees_in: number;
  frees_at: string;
}

const ADMIT: NamedStatement = {
  name: 'admit_requests',
  text: `select k.place::int, a.* from unnest($1::bytea[], $2::int[]) with ordinality as k(hash, asked, place),
         lateral admit_requests(k.hash, k.asked, $3::int) a`,
};

/**
 * Authenticates keys and counts their requests; concurrent requests share a round trip to the database. No key is cached,
 * so a revocation takes effect with the next request in every process.
 */
export class Authenticator {
  private readonly requests: Batcher<Buffer, Authentication>;

  constructor(
    private readonly database: Database,
    private readonly defaultLimit: number,
  ) {
    this.requests = new Batcher((hashes) => this.admitAll(hashes), { maxBatch: 500, maxInFlight: 2 });
  }

  admit(keyHash: Buffer): Promise<Authentication> {
    return this.requests.submit(keyHash);
  }

  private async admitAll(hashes: Buffer[]): Promise<Authentication[]> {
    const asked = new Map<string, { hash: Buffer; requests: number }>();
    const names = hashes.map((hash) => hash.toString('latin1'));
    names.forEach((name, index) => {
      const entry = asked.get(name);
      if (entry) entry.requests++;
      else asked.set(name, { hash: hashes[index] as Buffer, requests: 1 });
    });
    // In one order everywhere, so that two processes cannot wait for each other's rows.
    const entries = [...asked.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    const rows = await this.database.query<AdmissionRow>(ADMIT, [
      entries.map(([, { hash }]) => hash),
      entries.map(([, { requests }]) => requests),
      this.defaultLimit,
    ]);
    const answers = new Map(
      rows.map((row) => {
        const [name, { requests }] = entries[row.place - 1] as [string, { requests: number }];
        return [name, answersFor(row, requests)] as const;
      }),
    );
    return names.map((name) => answers.get(name)?.next() ?? { is: 'unknown' });
  }
}

/** Deals the requests granted to a key out to the requests asked for, first come, first served. */
function answersFor(row: AdmissionRow, requests: number): { next: () => Authentication } {
  if (!row.usable) return { next: () => ({ is: 'unusable' }) };
  const { id: keyId, organization_id: organizationId, environment, scopes, rate_limit: limit } = row;
  const caller: Caller = { keyId, organizationId, environment, scopes };
  if (limit === 0) return { next: () => ({ is: 'admitted', caller, rate: undefined }) };
  const usedBefore = row.used - row.granted;
  let place = 0;
  return {
    next: () => {
      const isGranted = place < row.granted;
      place = Math.min(place + 1, requests);
      const used = usedBefore + Math.min(place, row.granted);
      const rate = {
        limit,
        remaining: Math.max(0, limit - used),
        resetsAt: Number(row.frees_at),
        resetsIn: row.frees_in,
      };
      return { is: isGranted ? 'admitted' : 'limited', caller, rate };
    },
  };
}
