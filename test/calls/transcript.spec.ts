import { type Json, type Tenant } from '../support/app.js';
import { useApp } from '../support/use-app.js';

describe('GET /v1/calls/{id}/transcript', () => {
  const app = useApp();
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await app.tenant();
  });

  const get = (path: string, key = tenant.key) => app.request('GET', path, { key });
  const transcriptOf = (id: string, key = tenant.key) => get(`/v1/calls/${id}/transcript`, key);

  async function say(subject: string, turns: Json[]): Promise<void> {
    const body = turns.map((data: Json) => {
      const id = `${subject} ${data.speaker} ${data.startMs}`;
      return { specversion: '1.0', id, source: '/test', type: 'call.turn', subject, data };
    });
    const answer = await app.request('POST', '/internal/v1/call-events', { key: tenant.key, body });
    expect(answer.body.data).toEqual(turns.map(() => expect.objectContaining({ status: 'accepted' })));
  }

  const HELLO = { speaker: 'agent', text: 'Hello, this is Ada.', startMs: 400, endMs: 2_400 };
  const YES = { speaker: 'customer', text: 'Sì, pronto? 👋', startMs: 2_500, endMs: 3_000 };
  const MORE = { speaker: 'agent', text: 'Two\nlines', startMs: 2_500, endMs: 4_000 };
  const BYE = { speaker: 'customer', text: 'Bye!', startMs: 5_000, endMs: 5_400 };
  const TEXT = 'Agent: Hello, this is Ada.\nCustomer: Sì, pronto? 👋\nAgent: Two\nlines\nCustomer: Bye!';

  it('200 has the turns in order of speech, stored in any order', async () => {
    const id = await app.createCall(tenant);
    await say(id, [BYE, MORE]);
    await say(id, [YES, HELLO]);
    const { status, body } = await transcriptOf(id);
    expect(status).toBe(200);
    expect(body).toEqual({
      data: [HELLO, YES, MORE, BYE].map((turn) => ({ ...turn, interrupted: false, latency: null })),
      requestId: expect.stringMatching(/^req-/),
    });
  });

  it('200 has all turns of the same moment, and a repeated one once', async () => {
    const id = await app.createCall(tenant);
    const said = ['Yes.', 'No, wait.', 'Yes.', 'Well.'].map((text) => ({ ...YES, text }));
    for (const [n, turn] of said.entries())
      await app.request('POST', '/internal/v1/call-events', {
        key: tenant.key,
        body: { specversion: '1.0', id: `${id} ${n}`, source: '/test', type: 'call.turn', subject: id, data: turn },
      });
    expect((await transcriptOf(id)).body.data).toMatchObject([
      { text: 'Yes.', startMs: 2_500 },
      { text: 'No, wait.', startMs: 2_501 },
      { text: 'Well.', startMs: 2_502 },
    ]);
  });

  it('200 is empty before the first turn', async () => {
    expect((await transcriptOf(await app.createCall(tenant))).body.data).toEqual([]);
  });

  it('200 rounds milliseconds', async () => {
    const id = await app.createCall(tenant);
    await say(id, [{ ...HELLO, startMs: 10.4, endMs: 20.6 }]);
    expect((await transcriptOf(id)).body.data).toMatchObject([{ startMs: 10, endMs: 21 }]);
  });

  it('200 the call has its transcript as one text, alone and in a list; null without turns', async () => {
    const owner = await app.tenant();
    const [silent, spoken] = [await app.createCall(owner), await app.createCall(tenant)];
    const other = await app.createCall(tenant);
    await say(spoken, [HELLO, YES, MORE, BYE]);
    await say(other, [BYE]);
    const transcripts = async (key: string, ids: string[]) => {
      const listed = (await get('/v1/calls?limit=100', key)).body.data as Json[];
      for (const id of ids)
        expect(listed.find((call) => call.id === id).transcript).toBe(
          (await get(`/v1/calls/${id}`, key)).body.data.transcript,
        );
      return ids.map((id) => listed.find((call) => call.id === id).transcript);
    };
    expect(await transcripts(tenant.key, [spoken, other])).toEqual([TEXT, 'Customer: Bye!']);
    expect(await transcripts(owner.key, [silent])).toEqual([null]);
  });

  it('403 without the scope', async () => {
    const key = await app.key(tenant.organizationId, { scopes: ['calls:write', 'events:write'] });
    const { status, body } = await transcriptOf(await app.createCall(tenant), key);
    expect(status).toBe(403);
    expect(body.error).toMatchObject({
      code: 'insufficient_scope',
      message: 'API key does not have the required scope: calls:read',
    });
  });

  it("404 is the same for another organization's call, another environment's and a missing one", async () => {
    const id = await app.createCall(tenant);
    await say(id, [HELLO]);
    const answers = [
      await transcriptOf(id, (await app.tenant()).key),
      await transcriptOf(id, await app.key(tenant.organizationId, { environment: 'live' })),
      await transcriptOf('01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10'),
      await transcriptOf('x'),
    ];
    for (const { status, body } of answers) {
      expect(status).toBe(404);
      expect(body.error).toEqual({ code: 'not_found', message: 'Call not found', details: null });
    }
  });
});
