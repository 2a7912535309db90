import { type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';
import { advanceCall } from './call-steps.js';

describe('GET /v1/calls', () => {
  const app = useApp();

  const list = ({ key }: { key: string }, query = '') => app.request('GET', `/v1/calls${query}`, { key });
  const idsOf = (answer: { body: any }): string[] => answer.body.data.map(({ id }: { id: string }) => id);
  const createCalls = async (tenant: Tenant, count: number): Promise<string[]> => {
    const ids: string[] = [];
    while (ids.length < count) ids.unshift(await app.createCall(tenant));
    return ids;
  };

  describe('of one organization', () => {
    let tenant: Tenant;
    /** Newest first. */
    let ids: string[];
    let ended: string;
    let cancelled: string;

    beforeAll(async () => {
      tenant = await app.tenant();
      ids = await createCalls(tenant, 25);
      [ended, cancelled] = [ids[3] ?? '', ids[7] ?? ''];
      await advanceCall(app, ended, 'ended');
      await app.request('POST', `/v1/calls/${cancelled}/cancel`, { key: tenant.key });
    });

    it('200 has 20 calls a page by default, newest first', async () => {
      const answer = await list(tenant);
      expect(answer.status).toBe(200);
      expect(idsOf(answer)).toEqual(ids.slice(0, 20));
      expect(answer.body.pagination).toEqual({ page: 1, limit: 20, total: 25, totalPages: 2 });
    });

    it('200 has each call exactly as GET one shows it', async () => {
      const { body } = await list(tenant);
      const one = await app.request('GET', `/v1/calls/${ended}`, { key: tenant.key });
      expect(body.data[3]).toEqual(one.body.data);
      expect(Object.keys(body)).toEqual(['data', 'pagination', 'requestId']);
    });

    it('200 has every call on exactly one page', async () => {
      const pages = await Promise.all([1, 2, 3, 4].map((page) => list(tenant, `?page=${page}&limit=7`)));
      expect(pages.flatMap(idsOf)).toEqual(ids);
      for (const { body } of pages) expect(body.pagination).toMatchObject({ limit: 7, total: 25, totalPages: 4 });
    });

    it.each([3, 1_000, 1_000_000_000])('200 is empty beyond the end, with the same total: page %d', async (page) => {
      const { status, body } = await list(tenant, `?page=${page}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ data: [], pagination: { page, limit: 20, total: 25, totalPages: 2 } });
    });

    it('200 filters by status, in the total too', async () => {
      const totals: Record<string, unknown> = {};
      for (const status of ['queued', 'in_progress', 'completed', 'failed', 'cancelled']) {
        const { body } = await list(tenant, `?status=${status}`);
        expect(body.data.every((call: any) => call.status === status)).toBe(true);
        totals[status] = body.pagination.total;
      }
      expect(totals).toEqual({ queued: 23, in_progress: 0, completed: 1, failed: 0, cancelled: 1 });
      expect(idsOf(await list(tenant, '?status=completed'))).toEqual([ended]);
    });

    it('200 filters by direction', async () => {
      expect((await list(tenant, '?direction=OUTBOUND')).body.pagination.total).toBe(25);
      expect((await list(tenant, '?direction=INBOUND')).body).toMatchObject({
        data: [],
        pagination: { total: 0, totalPages: 0 },
      });
    });

    it('200 filters by creation time: from inclusive, to exclusive', async () => {
      const { createdAt } = (await app.request('GET', `/v1/calls/${ids[10]}`, { key: tenant.key })).body.data;
      const from = await list(tenant, `?dateFrom=${createdAt}&limit=100`);
      const until = await list(tenant, `?dateTo=${createdAt}&limit=100`);
      expect(idsOf(from)).toContain(ids[10]);
      expect(idsOf(until)).not.toContain(ids[10]);
      expect([...idsOf(from), ...idsOf(until)]).toEqual(ids);
      expect([from, until].map(({ body }) => body.pagination.total)).toEqual(
        [from, until].map((each) => idsOf(each).length),
      );
      expect((await list(tenant, `?dateFrom=${createdAt}&dateTo=${createdAt}`)).body.pagination.total).toBe(0);
    });

    it('200 is empty for a range that ends before it begins', async () => {
      const { status, body } = await list(tenant, '?dateFrom=2026-04-06&dateTo=2026-04-05');
      expect(status).toBe(200);
      expect(body).toMatchObject({ data: [], pagination: { total: 0, totalPages: 0 } });
    });

    it.each([
      ['dateFrom', '1970-01-01T00:00:00%2B14:00', 25],
      ['dateTo', '1970-01-01T00:00:00%2B14:00', 0],
      ['dateFrom', '9999-12-31T23:59:59Z', 0],
      ['dateFrom', '9999-12-31T23:59:59-14:00', 0],
      ['dateTo', '9999-12-31T23:59:59-14:00', 25],
    ])('200 for the first and last possible times: %s=%s', async (name, time, total) => {
      const { status, body } = await list(tenant, `?${name}=${time}`);
      expect(status).toBe(200);
      expect(body.pagination.total).toBe(total);
    });

    it('200 ignores unknown parameters', async () => {
      const { status, body } = await list(tenant, '?sort=asc&__proto__=x&constructor=y&toString=z');
      expect(status).toBe(200);
      expect(body.pagination.total).toBe(25);
    });
  });

  it('200 shows test keys and live keys separate lists', async () => {
    const tenant = await app.tenant();
    const live = { ...tenant, key: await app.key(tenant.organizationId, { environment: 'live' }) };
    const [testCalls, liveCalls] = [await createCalls(tenant, 2), await createCalls(live, 1)];
    expect(idsOf(await list(tenant))).toEqual(testCalls);
    expect(idsOf(await list(live))).toEqual(liveCalls);
    expect((await list(live)).body.data[0].environment).toBe('live');
  });

  it("200 never shows another organization's calls", async () => {
    const [tenant, stranger] = [await app.tenant(), await app.tenant()];
    await createCalls(tenant, 1);
    expect((await list(stranger)).body).toMatchObject({ data: [], pagination: { total: 0, totalPages: 0 } });
  });

  it.each([
    ...[['page', '0'] as const, ['page', '-1'] as const, ['page', '1.5'] as const, ['page', ''] as const],
    ...[['page', 'abc'] as const, ['page', '1e3'] as const, ['page', '99999999999999999999'] as const],
    ...[['limit', '0'] as const, ['limit', '101'] as const, ['limit', 'abc'] as const, ['limit', ' 5'] as const],
    ...[['page', '1&page=2'] as const, ['limit', '5&limit=5'] as const, ['status', 'queued&status=failed'] as const],
    ...[['status', 'unknown'] as const, ['status', 'QUEUED'] as const, ['status', ''] as const],
    ...[['direction', 'outbound'] as const, ['direction', 'BOTH'] as const, ['dateFrom', '2026-02-30'] as const],
    ...[['dateFrom', 'yesterday'] as const, ['dateTo', '2026-04-05T25:00:00Z'] as const, ['dateTo', ''] as const],
    ...[['dateTo', '2026-04-05&dateTo=2026-04-06'] as const, ['status', '%00'] as const],
  ])('400 names the parameter: ?%s=%s', async (name, value) => {
    const { status, body } = await list(await app.tenant(), `?${name}=${value}`);
    expect(status).toBe(400);
    expect(body.error.code).toBe('validation_error');
    expect(body.error.details).toEqual({ [name]: expect.any(String) });
    expect(body.error.message).toBe(`${name} ${body.error.details[name]}`);
  });

  it('403 without the scope', async () => {
    const { organizationId } = await app.tenant();
    const { status, body } = await list({ key: await app.key(organizationId, { scopes: ['calls:write'] }) });
    expect(status).toBe(403);
    expect(body.error).toMatchObject({
      code: 'insufficient_scope',
      message: 'API key does not have the required scope: calls:read',
    });
  });
});
