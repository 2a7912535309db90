import { readdirSync, readFileSync } from 'node:fs';
import { type CallCommand, decide } from '../../src/calls/call.js';
import { type CallState, type ExistingCall, replay } from '../../src/calls/call-state.js';
import { type CallEvent, type CallFacts } from '../../src/calls/call-events.js';
import { type CallRow, toCallRow } from '../../src/calls/call-row.js';
import { type EventStore } from '../../src/lib/event-store/event-store.js';
import { appendToCall } from '../../src/calls/call-append.js';
import { type Database } from '../../src/lib/platform/database/database.js';
import { DomainError } from '../../src/lib/platform/errors/domain-error.js';

/** A history as a released version has stored it, and the row that it must give for good. */
export interface Fixture {
  /** `<type>.v<version>` of the event that it is about, then perhaps `-<what is special>`. */
  name: string;
  says: string;
  events: CallEvent[];
  row: Omit<CallRow, 'id'>;
}

const FIXTURES = new URL('../calls/fixtures/', import.meta.url);

export const fixtures: Fixture[] = readdirSync(FIXTURES)
  .sort()
  .map((file) => ({
    name: file.replace(/\.json$/, ''),
    ...(JSON.parse(readFileSync(new URL(file, FIXTURES), 'utf8')) as Omit<Fixture, 'name'>),
  }));

/** An ordinary call of an organization. */
export const factsOf = (organizationId: string): CallFacts => ({
  organizationId,
  environment: 'test',
  agentId: '01981f2e-9c1a-7b3e-8f7a-000000000001',
  direction: 'OUTBOUND',
  fromNumber: '+0987654321',
  toNumber: '+1234567890',
});

/** The events of a command; none when it is refused. */
export function eventsOrNone(command: CallCommand, state: CallState): CallEvent[] {
  try {
    return decide(command, state);
  } catch (error) {
    if (error instanceof DomainError) return [];
    throw error;
  }
}

/** Loads, decides and appends in one go what the commands make of each other. Returns false when nothing was stored. */
export async function execute(store: EventStore, id: string, ...commands: CallCommand[]): Promise<boolean> {
  const history = (await store.load(id)) as unknown as CallEvent[];
  const state = replay(history);
  const events = commands.reduce<CallEvent[]>(
    (sum, command) => [...sum, ...eventsOrNone(command, replay(sum, state))],
    [],
  );
  if (events.length === 0) return false;
  return store.append(appendToCall(id, history.length, state, events, { by: 'test' }));
}

/** Appends the events of a history one by one. */
export async function appendHistory(store: EventStore, id: string, history: readonly CallEvent[]): Promise<void> {
  for (const [version, event] of history.entries()) {
    const append = appendToCall(id, version, replay(history.slice(0, version)), [event], { by: 'test' });
    if (!(await store.append(append))) throw new Error(`event ${version + 1} refused`);
  }
}

/** The row of a call, every column of it, as JSON of the database's making. */
export async function storedRow(database: Database, id: string): Promise<object | undefined> {
  const [found] = await database.query<{ row: object }>('select to_jsonb(c) as row from calls c where id = $1', [id]);
  return found?.row;
}

/** A row as it would look if it were stored. */
export async function asStored(database: Database, row: CallRow): Promise<object | undefined> {
  const [found] = await database.query<{ row: object }>(
    'select to_jsonb(json_populate_record(null::calls, $1)) as row',
    [JSON.stringify(row)],
  );
  return found?.row;
}

/** Ids of calls whose row differs from the state of their events, or that lack one of the two. */
export async function rowsThatDisagree(database: Database): Promise<string[]> {
  const histories = await database.query<{ id: string; events: CallEvent[] }>(
    `select stream_id as id, json_agg(json_build_object('type', type, 'data', data) order by version) as events
     from call_events group by 1`,
  );
  const expected = histories.map(({ id, events }) => toCallRow(id, events.length, replay(events) as ExistingCall));
  const rows = await database.query<{ id: string }>(
    `with expected as (select * from json_populate_recordset(null::calls, $1))
     select coalesce(e.id, c.id) as id from expected e full join calls c on c.id = e.id where e.* is distinct from c.*`,
    [JSON.stringify(expected)],
  );
  return rows.map(({ id }) => id);
}

/** Counters of either span that differ from `count(*)` over the rows. */
export async function countersThatDisagree(database: Database): Promise<object[]> {
  return database.query(
    `select organization_id, environment, span, starts_at, status, direction, sum(counted)::int as counted,
       sum(actual)::int as actual
     from (
       select organization_id, environment, span, starts_at, status, direction, calls as counted, 0 as actual
       from call_counts
       union all
       select organization_id, environment, s.span, date_trunc(s.span, starts_at, 'UTC'), status, direction, calls, 0
       from call_count_deltas cross join (values ('day'), ('hour')) s(span)
       union all
       select organization_id, environment, s.span, date_trunc(s.span, created_at, 'UTC'), status, direction, 0, 1
       from calls cross join (values ('day'), ('hour')) s(span)
     ) c group by 1, 2, 3, 4, 5, 6 having sum(counted) <> sum(actual)`,
  );
}

/** Forgets all calls. */
export async function eraseCalls(database: Database): Promise<void> {
  await database.transaction(async (client) => {
    await client.query(`set local outdial.erase_reason = 'next test'`);
    await client.query('delete from call_events; delete from calls; delete from call_counts');
    await client.query('delete from call_count_deltas');
  });
}
