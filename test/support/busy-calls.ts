import { type CallCommand } from '../../src/calls/call.js';
import { CALLS_PROJECTION } from '../../src/calls/call-append.js';
import { EventStore } from '../../src/lib/event-store/event-store.js';
import { type Database } from '../../src/lib/platform/database/database.js';
import { newId } from '../../src/lib/platform/ids.js';
import { execute, factsOf } from './call-log.js';
import { again, upTo } from './event-log.js';

export const ORGANIZATIONS = ['01981f2e-9c1a-7b3e-8f7a-00000000000a', '01981f2e-9c1a-7b3e-8f7a-00000000000b'] as const;

const outcome = { sipCode: 200, responsible: 'customer', retryable: false, detail: null } as const;

/** Steps in the life of call number n, spread over some days, hours and organizations. */
function lifeOf(n: number): CallCommand[] {
  const at = new Date(Date.UTC(2026, 3, 1 + (n % 3), (n * 7) % 24, n % 60)).toISOString();
  const facts = factsOf(ORGANIZATIONS[n % 2] as string);
  return [
    { type: 'QueueCall', at, facts: { ...facts, direction: n % 3 ? 'OUTBOUND' : 'INBOUND', metadata: { n } } },
    { type: 'DialCall', at, provider: 'simulator', claim: `claim-${n}` },
    ...(n % 4 ? [{ type: 'ReportRinging', at } as const, { type: 'ReportAnswer', at } as const] : []),
    { type: 'EndCall', at, disconnectionReason: 'user_hangup', outcome },
  ];
}

/** Makes calls, at all stages of their lives; returns their ids, oldest first. */
export async function makeCalls(database: Database, count: number): Promise<string[]> {
  const store = new EventStore(database, CALLS_PROJECTION);
  return Promise.all(
    upTo(count).map(async (n) => {
      const id = newId();
      for (const command of lifeOf(n).slice(0, 1 + (n % 5))) await execute(store, id, command);
      return id;
    }),
  );
}

/** Queues calls and carries older ones on, in one process after another, for as long as it is left running. */
export class Writers {
  /** Appends that took place. */
  appends = 0;
  private readonly stops: (() => Promise<void>)[];

  constructor(databases: readonly Database[], ids: readonly string[], perDatabase = 8) {
    this.stops = databases.flatMap((database, process) => {
      const store = new EventStore(database, CALLS_PROJECTION);
      return upTo(perDatabase).map((writer) => {
        let n = process * perDatabase + writer;
        return again(() => this.write(store, ids, (n += 97)));
      });
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.stops.map((stop) => stop()));
  }

  private async write(store: EventStore, ids: readonly string[], n: number): Promise<void> {
    const [queue, ...rest] = lifeOf(n) as [CallCommand, ...CallCommand[]];
    if (await execute(store, newId(), queue)) this.appends++;
    const id = ids[(n * 31) % ids.length];
    if (id && (await execute(store, id, rest[n % rest.length] as CallCommand))) this.appends++;
  }
}
