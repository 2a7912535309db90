import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CallCommand } from '../../src/calls/call.js';
import { CALLS_PROJECTION } from '../../src/calls/call-append.js';
import { RecordingLinks } from '../../src/calls/recording-links.js';
import { EventStore } from '../../src/lib/event-store/event-store.js';
import { newId } from '../../src/lib/platform/ids.js';
import { TestApp, type Tenant } from '../support/app.js';
import { execute, factsOf } from '../support/call-log.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually, type Program, startServer, temporaryFolder } from '../support/process.js';
import { wavFile } from '../support/wav.js';

const DAY_MS = 86_400_000;

describe('recordings after a crash, with two servers started concurrently', () => {
  const data = temporaryFolder();
  const folder = join(data.path, 'recordings');
  const settings = { DATA_DIR: data.path, ENCRYPTION_KEY: randomBytes(32).toString('base64') };
  let db: TestDatabase;
  let tenant: Tenant;
  let servers: { server: Program; url: string }[] = [];

  beforeAll(async () => {
    db = await openTestDatabase();
    const app = await TestApp.start(db.url, { dataDir: data.path });
    tenant = await app.tenant('live');
    await app.close();
    mkdirSync(join(folder, 'incoming'), { recursive: true });
  });

  afterAll(async () => {
    await Promise.all(servers.map(({ server }) => server.kill('SIGTERM')));
    await db.close();
    data.remove();
  });

  /** A live call, by the age of its end. */
  async function call(daysAgo: number): Promise<string> {
    const id = newId();
    const at = new Date(Date.now() - daysAgo * DAY_MS).toISOString();
    const outcome = { sipCode: null, responsible: 'system', retryable: true, detail: null } as const;
    const life: CallCommand[] = [
      { type: 'QueueCall', at, facts: { ...factsOf(tenant.organizationId), environment: 'live' } },
      { type: 'DialCall', at, provider: 'sip', claim: 'claim' },
      { type: 'ReportAnswer', at },
      { type: 'EndCall', at, disconnectionReason: 'error_media_lost', outcome },
    ];
    await execute(new EventStore(db.database, CALLS_PROJECTION), id, ...life);
    return id;
  }
  const eventsOf = (type: string) =>
    db.database.query<{ id: string }>('select stream_id as id from call_events where type = $1 order by 1', [type]);
  const left = () => readdirSync(join(folder, 'incoming'));

  it('are finished once each and played by both; expired ones are deleted', async () => {
    const recent = await Promise.all(Array.from({ length: 20 }, () => call(0)));
    const samples = new Map(recent.map((id) => [id, randomBytes(3_200)]));
    // Cut off: the header has no size, and the last sample is incomplete.
    for (const [id, bytes] of samples)
      writeFileSync(
        join(folder, 'incoming', `${id}.${newId()}.wav`),
        wavFile(Buffer.concat([bytes, Buffer.of(1)]), { channels: 2, claims: 0 }),
      );
    const old = await call(8);
    writeFileSync(join(folder, `${old}.wav`), wavFile(randomBytes(3_200), { channels: 2 }));
    const recorded = { type: 'RecordCall', at: new Date().toISOString(), url: RecordingLinks.pathOf(old) } as const;
    await execute(new EventStore(db.database, CALLS_PROJECTION), old, recorded);

    const more = { DATABASE_URL: db.url, RECORDING_RETENTION_DAYS: '7' };
    const start = () => startServer({ ...settings, ...more });
    const [one, two] = await Promise.all([start(), start()]);
    servers = [one, two];
    await eventually('nothing left', async () => {
      const deleted = await eventsOf('call.recording_deleted');
      return (left().length === 0 && deleted.length > 0) || undefined;
    });

    expect((await eventsOf('call.recorded')).map(({ id }) => id)).toEqual([...recent, old].sort());
    expect(await eventsOf('call.recording_deleted')).toEqual([{ id: old }]);
    expect(readdirSync(folder).sort()).toEqual([...recent.map((id) => `${id}.wav`), 'incoming'].sort());
    const [id] = recent as [string];
    expect(readFileSync(join(folder, `${id}.wav`))).toEqual(wavFile(samples.get(id) as Buffer, { channels: 2 }));

    const headers = { authorization: `Bearer ${tenant.key}` };
    const answer = await fetch(`${one.url}/v1/calls/${id}`, { headers });
    const { data: shown } = (await answer.json()) as { data: { recording: string } };
    for (const { url } of [one, two]) {
      const played = await fetch(shown.recording.replace(one.url, url));
      expect(Buffer.from(await played.arrayBuffer())).toEqual(wavFile(samples.get(id) as Buffer, { channels: 2 }));
      const gone = await fetch(`${url}/v1/calls/${old}/recording`, { headers });
      expect(gone.status).toBe(404);
    }
  });
});
