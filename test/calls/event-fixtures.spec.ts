import { rebuildCall } from '../../src/calls/maintenance/call-rebuild.js';
import { replay } from '../../src/calls/call-state.js';
import { type CallEventType } from '../../src/calls/call-events.js';
import { toCallRow } from '../../src/calls/call-row.js';
import { newId } from '../../src/lib/platform/ids.js';
import { asStored, type Fixture, fixtures, storedRow } from '../support/call-log.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

/**
 * Every type of event with the last version that was released. A new type does not compile until it is here; a new
 * version of a type goes up here. Either needs its fixture, and no fixture is ever changed or taken away.
 */
const RELEASED: Record<CallEventType, number> = {
  'call.queued': 1,
  'call.dialing': 1,
  'call.deferred': 1,
  'call.ringing': 1,
  'call.started': 1,
  'call.ended': 1,
  'call.recorded': 1,
  'call.screened': 1,
  'call.answered_by': 1,
  'call.transferred': 1,
  'call.measured': 1,
  'call.recording_deleted': 1,
  'call.analyzed': 1,
  'call.costed': 1,
  'call.tool_used': 1,
  'call.provider_failed': 1,
};

const required = Object.entries(RELEASED).flatMap(([type, last]) =>
  Array.from({ length: last }, (_, i) => ({ type, fixture: `${type}.v${i + 1}` })),
);

describe('Fixtures', () => {
  it.each(required)('include $fixture with its event', ({ type, fixture }) => {
    const found = fixtures.find(({ name }) => name === fixture);
    expect(found?.events.map((event) => event.type)).toContain(type);
  });

  it('belong to released events only', () => {
    const known = required.map(({ fixture }) => fixture);
    expect(fixtures.filter(({ name }) => !known.includes(name.replace(/-.*$/, '')))).toEqual([]);
  });

  it('contain no event type without its own fixture', () => {
    const types = new Set(fixtures.flatMap(({ events }) => events.map(({ type }) => type)));
    expect([...types].filter((type) => !(type in RELEASED))).toEqual([]);
  });

  it('name every column of the row', () => {
    const columns = Object.keys(toCallRow('', 1, replay(fixtures[0]?.events ?? []) as never)).sort();
    for (const { name, row } of fixtures) expect([name, [...Object.keys(row), 'id'].sort()]).toEqual([name, columns]);
  });
});

describe('A stored history of a released version', () => {
  let db: TestDatabase;

  beforeAll(async () => {
    db = await openTestDatabase();
  });

  afterAll(() => db.close());

  /** Inserts the events of a fixture without the code that appends events. */
  async function store({ events }: Fixture): Promise<string> {
    const id = newId();
    await db.database.query(
      `insert into call_events (stream_id, version, type, data, metadata)
       select $1, e.n, e.event ->> 'type', e.event -> 'data', '{}' from jsonb_array_elements($2) with ordinality as e(event, n)`,
      [id, JSON.stringify(events)],
    );
    return id;
  }

  it.each(fixtures)('still gives its row: $name ($says)', async (fixture) => {
    const id = await store(fixture);
    expect(await rebuildCall(db.database, id)).toMatchObject({ calls: 1, events: fixture.events.length, mended: 1 });
    const row = await storedRow(db.database, id);
    expect(row).toBeDefined();
    expect(row).toEqual(await asStored(db.database, { id, ...fixture.row }));
  });
});
