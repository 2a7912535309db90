import fc from 'fast-check';
import { v7 } from 'uuid';
import { CALL_STATUSES } from '../../src/calls/call-state.js';
import { recountCalls } from '../../src/calls/maintenance/call-rebuild.js';
import { foldCounts } from '../../src/calls/maintenance/calls-maintenance.worker.js';
import { type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = Date.parse('2026-01-20T00:00:00Z');
const DAYS = 40;
const DIRECTIONS = ['OUTBOUND', 'INBOUND'] as const;

interface Query {
  status: string | undefined;
  direction: string | undefined;
  from: Date | undefined;
  to: Date | undefined;
  limit: number;
  /** Where the page lies: 0 is the first, 1 the last, more is beyond the end. */
  depth: number;
}

/** Creation times: spread over many days, many on one of them, and often exactly at an hour or a day. */
const createdAt = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: DAYS * DAY_MS }) },
  { weight: 4, arbitrary: fc.nat({ max: 5 * HOUR_MS }).map((ms) => 20 * DAY_MS + 9 * HOUR_MS + ms) },
  { weight: 1, arbitrary: edge(HOUR_MS) },
  { weight: 1, arbitrary: edge(DAY_MS) },
);

const call = fc.record({
  ms: createdAt.map((ms) => START + ms),
  status: fc.constantFrom(...CALL_STATUSES),
  direction: fc.constantFrom('OUTBOUND', 'OUTBOUND', 'OUTBOUND', 'INBOUND'),
  environment: fc.constantFrom('test', 'test', 'test', 'test', 'live'),
});

type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

/** The start of an hour or a day, or a millisecond beside it. */
function edge(unit: number): fc.Arbitrary<number> {
  const border = fc.integer({ min: 1, max: (DAYS * DAY_MS) / unit - 1 });
  return fc.tuple(border, fc.constantFrom(-1, 0, 1)).map(([n, beside]) => n * unit + beside);
}

describe('GET /v1/calls over a long history', () => {
  const app = useApp();
  let tenant: Tenant;
  let stranger: Tenant;

  beforeAll(async () => {
    [tenant, stranger] = [await app.tenant(), await app.tenant()];
    const calls = fc.sample(call, { numRuns: 5_000, seed: 20260405 });
    await insert(tenant, calls.slice(0, 3_500));
    await insert(stranger, calls.slice(0, 500));
    await recountCalls(app.db.database);
    while ((await foldCounts(app.db.database)) > 0);
    // From here on exact counts need the deltas, some of which are negative.
    await app.db.database.query(
      `update calls set status = 'failed' where status = 'queued' and right(id::text, 1) < '8'`,
    );
    await insert(tenant, calls.slice(3_500));
    await recountCalls(app.db.database);
  });

  async function insert({ organizationId, agentId }: Tenant, calls: Call[]): Promise<void> {
    const rows = calls.map(({ ms, status, direction, environment }) => ({
      ...{ id: v7({ msecs: ms }), version: 1, organization_id: organizationId, environment, agent_id: agentId },
      ...{ status, direction, from_number: '+0987654321', to_number: '+1234567890', disable_knowledge_bases: false },
      ...{ attempt: 0, created_at: new Date(ms).toISOString() },
    }));
    await app.db.database.query('insert into calls select * from json_populate_recordset(null::calls, $1::json)', [
      JSON.stringify(rows),
    ]);
  }

  /** The result of plain SQL over the rows, newest first. */
  async function expectedIds({ status, direction, from, to }: Partial<Query>): Promise<string[]> {
    const rows = await app.db.database.query<{ id: string }>(
      `select id from calls where organization_id = $1 and environment = 'test'
         and ($2::text is null or status = $2) and ($3::text is null or direction = $3)
         and ($4::timestamptz is null or created_at >= $4) and ($5::timestamptz is null or created_at < $5)
       order by id desc`,
      [tenant.organizationId, status ?? null, direction ?? null, from ?? null, to ?? null],
    );
    return rows.map(({ id }) => id);
  }

  async function list({ status, direction, from, to, limit, page }: Partial<Query> & { limit: number; page: number }) {
    const given = { status, direction, dateFrom: from?.toISOString(), dateTo: to?.toISOString(), limit, page };
    const query = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
    const { status: code, body } = await app.request('GET', `/v1/calls?${query.join('&')}`, { key: tenant.key });
    if (code !== 200) throw new Error(JSON.stringify(body));
    return { ids: body.data.map(({ id }: { id: string }) => id) as string[], pagination: body.pagination };
  }

  async function compare({ limit, depth, ...filter }: Query): Promise<void> {
    const expected = await expectedIds(filter);
    const totalPages = Math.ceil(expected.length / limit);
    const page = 1 + Math.floor(depth * Math.max(0, totalPages - 1));
    const { ids, pagination } = await list({ ...filter, limit, page });
    expect(pagination).toEqual({ page, limit, total: expected.length, totalPages });
    expect(ids).toEqual(expected.slice((page - 1) * limit, page * limit));
  }

  const time = fc.oneof(createdAt, edge(HOUR_MS), edge(DAY_MS)).map((ms) => new Date(START + ms));
  const queries: fc.Arbitrary<Query> = fc.record({
    status: fc.option(fc.constantFrom(...CALL_STATUSES), { nil: undefined }),
    direction: fc.option(fc.constantFrom(...DIRECTIONS), { nil: undefined }),
    from: fc.option(time, { nil: undefined }),
    to: fc.option(time, { nil: undefined }),
    limit: fc.constantFrom(1, 7, 20, 100),
    depth: fc.oneof(fc.double({ min: 0, max: 1.2, noNaN: true }), fc.constantFrom(0, 1)),
  });

  it('200 has the pages and totals of plain SQL before the deltas are folded', async () => {
    const [waiting] = await app.db.database.query('select 1 from call_count_deltas where calls < 0 limit 1');
    const [folded] = await app.db.database.query('select 1 from call_counts limit 1');
    expect([waiting, folded]).toEqual([expect.anything(), expect.anything()]);
    await fc.assert(fc.asyncProperty(queries, compare), { numRuns: 200 });
  });

  it('200 has every call on exactly one of its pages, down to the deepest', async () => {
    const expected = await expectedIds({});
    expect(expected.length).toBeGreaterThan(3_000);
    const seen: string[] = [];
    for (let page = 1; seen.length < expected.length; page++) {
      const { ids } = await list({ limit: 100, page });
      expect(ids.length).toBeGreaterThan(0);
      seen.push(...ids);
    }
    expect(seen).toEqual(expected);
  });

  it.each(DIRECTIONS)('200 reaches the last page of a filtered range: %s', async (direction) => {
    const [from, to] = [new Date(START + 90 * 60_000 + 1), new Date(START + 39 * DAY_MS + 7 * HOUR_MS + 1_234)];
    for (const depth of [0.9, 0.99, 1]) await compare({ direction, from, to, status: undefined, limit: 1, depth });
  });

  it('200 has the same pages and totals after the fold', async () => {
    while ((await foldCounts(app.db.database)) > 0);
    expect(await recountCalls(app.db.database)).toBe(0);
    await fc.assert(fc.asyncProperty(queries, compare), { numRuns: 80 });
  });
});
