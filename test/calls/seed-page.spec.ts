import { loadConfig } from '../../src/config/config.js';
import { type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';
import { advanceCall } from './call-steps.js';

/** The examples of the original page for calls, letter by letter (shared/seed-calls-api.txt). */
const CREATE = `curl -X POST https://api.replicer.ai/v1/calls \\
  -H "Authorization: Bearer rpl_live_your_key" \\
  -H "Content-Type: application/json" \\
  -d '{
    "agentId": "clx1234567890",
    "toNumber": "+1234567890",
    "fromNumber": "+0987654321",
    "customerName": "John Doe",
    "dynamicVariables": {
      "company": "Acme Corp",
      "purpose": "Follow-up on quote"
    },
    "metadata": {
      "campaign_id": "summer_2026"
    }
  }'`;
const CREATED = `{
  "data": {
    "id": "call-uuid-here",
    "status": "queued",
    "taskId": "task-xyz-123"
  },
  "requestId": "req-abc123"
}`;
const LIST = `curl "https://api.replicer.ai/v1/calls?status=completed&limit=10" \\
  -H "Authorization: Bearer rpl_live_your_key"`;
const LISTED = `{
  "data": [
    {
      "id": "clx-call-001",
      "customerName": "John Doe",
      "customerPhone": "+1234567890",
      "duration": 240,
      "status": "completed",
      "direction": "OUTBOUND",
      "disconnectionReason": "agent_hangup",
      "sentiment": "positive",
      "summary": "Discussed pricing for enterprise plan...",
      "transcript": "Agent: Hello, this is...",
      "recording": "https://storage.example.com/recordings/...",
      "callSuccessful": true,
      "tokenCost": 12.50,
      "agentId": "clx-agent-001",
      "campaignId": "clx-campaign-001",
      "startedAt": "2026-04-05T14:00:00Z",
      "endedAt": "2026-04-05T14:04:00Z",
      "createdAt": "2026-04-05T13:59:00Z"
    }
  ],
  "pagination": {
    "page": 1,
    "limit": 10,
    "total": 150,
    "totalPages": 15
  },
  "requestId": "req-def456"
}`;
const GET = `curl https://api.replicer.ai/v1/calls/clx-call-001 \\
  -H "Authorization: Bearer rpl_live_your_key"`;
const GOT = `{
  "data": {
    "id": "clx-call-001",
    "customerName": "John Doe",
    "customerPhone": "+1234567890",
    "duration": 240,
    "status": "completed",
    "direction": "OUTBOUND",
    "disconnectionReason": "agent_hangup",
    "sentiment": "positive",
    "summary": "Discussed pricing...",
    "transcript": "Full transcript here...",
    "recording": "https://storage.example.com/...",
    "callSuccessful": true,
    "tokenCost": 12.50,
    "agentId": "clx-agent-001",
    "campaignId": null,
    "startedAt": "2026-04-05T14:00:00Z",
    "endedAt": "2026-04-05T14:04:00Z",
    "createdAt": "2026-04-05T13:59:00Z"
  },
  "requestId": "req-ghi789"
}`;

/** Values that may differ: server, key and ids. */
type Substitutes = Record<string, string>;

/** Sends the request of a curl command of the page. */
async function run(curl: string, substitutes: Substitutes) {
  let command = curl;
  for (const [documented, real] of Object.entries(substitutes)) command = command.replaceAll(documented, real);
  const [, url = ''] = /(https?:[^\s"]+)/.exec(command) ?? [];
  const [, method = 'GET'] = /-X (\w+)/.exec(command) ?? [];
  const [, body] = /-d '([^']*)'/.exec(command) ?? [];
  const headers = [...command.matchAll(/-H "([^:]+): ([^"]+)"/g)].map(([, name = '', value = '']) => [name, value]);
  const response = await fetch(url, { method, headers: headers as [string, string][], ...(body ? { body } : {}) });
  return { status: response.status, body: (await response.json()) as any };
}

const isTime = (value: unknown): boolean =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value);

/** Differences in shape between a reply and the documented one. Null stands for an unknown value; more fields are allowed. */
function differences(documented: unknown, answered: unknown, path = 'answer'): string[] {
  if (documented == null || (answered === null && path.includes('data'))) return [];
  if (Array.isArray(documented))
    return Array.isArray(answered)
      ? answered.flatMap((item, n) => differences(documented[0], item, `${path}[${n}]`))
      : [`${path} is no list`];
  if (typeof documented === 'object')
    return Object.entries(documented).flatMap(([name, value]) =>
      Object.hasOwn(answered ?? {}, name)
        ? differences(value, (answered as Record<string, unknown>)[name], `${path}.${name}`)
        : [`${path}.${name} is absent`],
    );
  if (typeof documented !== typeof answered) return [`${path} is ${typeof answered}, not ${typeof documented}`];
  return isTime(documented) && !isTime(answered) ? [`${path} is no time in UTC`] : [];
}

describe('the examples of the original page, with host, key and ids replaced', () => {
  const app = useApp({
    sipCarrier: loadConfig({ SIP_CARRIER: 'sip:127.0.0.1' }, '/dev/null').sipCarrier,
  });
  let tenant: Tenant;
  let ours: Substitutes;

  beforeAll(async () => {
    // Without a carrier the reply would have a warning, unlike the page.
    tenant = await app.tenant('live');
    ours = {
      'https://api.replicer.ai': app.url,
      rpl_live_your_key: tenant.key,
      clx1234567890: tenant.agentId,
    };
  });

  it('201 for the documented create', async () => {
    const { status, body } = await run(CREATE, ours);
    expect(status).toBe(201);
    expect(differences(JSON.parse(CREATED), body)).toEqual([]);
    expect(body.data.status).toBe('queued');
    expect(Object.keys(body.data)).toEqual(['id', 'status', 'taskId']);
  });

  it('200 for the documented list', async () => {
    const { body: created } = await run(CREATE, ours);
    await advanceCall(app, created.data.id, 'ended');
    const { status, body } = await run(LIST, ours);
    expect(status).toBe(200);
    expect(differences(JSON.parse(LISTED), body)).toEqual([]);
    expect(body.data).toHaveLength(1);
    expect(body.pagination).toEqual({ page: 1, limit: 10, total: 1, totalPages: 1 });
  });

  it('200 for the documented get, before and after the call', async () => {
    const { body: created } = await run(CREATE, ours);
    const { id } = created.data;
    const queued = await run(GET, { ...ours, 'clx-call-001': id });
    await advanceCall(app, id, 'ended');
    const ended = await run(GET, { ...ours, 'clx-call-001': id });
    for (const { status, body } of [queued, ended]) {
      expect(status).toBe(200);
      expect(differences(JSON.parse(GOT), body)).toEqual([]);
    }
    const documented = JSON.parse(GOT).data;
    for (const name of ['customerName', 'customerPhone', 'duration', 'status', 'direction', 'disconnectionReason'])
      expect([name, ended.body.data[name]]).toEqual([name, documented[name]]);
    expect(Date.parse(ended.body.data.startedAt)).toBe(Date.parse(documented.startedAt));
    expect(Date.parse(ended.body.data.endedAt)).toBe(Date.parse(documented.endedAt));
  });

  it('400, 404 and 403 for the documented errors of create', async () => {
    for (const field of ['agentId', 'toNumber', 'fromNumber']) {
      const { status, body } = await run(CREATE.replace(new RegExp(`"${field}": "[^"]*",`), ''), ours);
      expect([status, body.error.code]).toEqual([400, 'validation_error']);
    }
    const { clx1234567890: _agent, ...withoutAgent } = ours;
    const unknown = await run(CREATE, withoutAgent);
    expect([unknown.status, unknown.body.error.code]).toEqual([404, 'not_found']);
    const foreign = await run(CREATE, { ...ours, '+0987654321': '+0987654322' });
    expect([foreign.status, foreign.body.error.code]).toEqual([403, 'forbidden']);
  });

  it('200 for every documented query parameter and status, 404 for the documented id', async () => {
    const parameters = ['page=1', 'limit=100', 'direction=INBOUND', 'direction=OUTBOUND', 'dateFrom=2026-04-05'];
    const statuses = ['queued', 'in_progress', 'completed', 'failed', 'cancelled'].map((status) => `status=${status}`);
    for (const parameter of [...parameters, 'dateTo=2026-04-05T14:00:00Z', ...statuses]) {
      const { status } = await run(LIST, { ...ours, 'status=completed&limit=10': parameter });
      expect([parameter, status]).toEqual([parameter, 200]);
    }
    const { status, body } = await run(GET, ours);
    expect([status, body.error.code]).toEqual([404, 'not_found']);
  });
});
