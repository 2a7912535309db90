import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { ENTITIES } from '../../src/app/app.module.js';
import { AgentsService } from '../../src/agents/agents.service.js';
import { KnowledgeBasesService } from '../../src/knowledge/knowledge-bases.service.js';
import { migrationsFrom, migrate } from '../../src/lib/platform/database/migrations.js';
import { Database, openDatabase, poolOf } from '../../src/lib/platform/database/database.js';
import { newId } from '../../src/lib/platform/ids.js';
import { SecretBox } from '../../src/lib/platform/secret-box.js';
import { AgentEntity } from '../../src/agents/agent.entity.js';
import { AgentVersionEntity } from '../../src/agents/agent-version.entity.js';
import { onServer, urlOf } from '../support/database.js';

const NAME = `agents_before_${process.env['JEST_WORKER_ID'] ?? '0'}`;
const FIRST = '1795500008000-agent-versions.sql';

describe('agents of before there were versions', () => {
  const organizationId = newId();
  const [withGreeting, without] = [newId(), newId()];
  const folder = mkdtempSync(join(tmpdir(), 'outdial-migrations-'));
  let dataSource: DataSource;
  let agents: AgentsService;

  beforeAll(async () => {
    await onServer(`drop database if exists "${NAME}" with (force)`);
    await onServer(`create database "${NAME}"`);
    for (const file of readdirSync('migrations').filter((each) => each < FIRST))
      copyFileSync(join('migrations', file), join(folder, file));
    const url = urlOf(NAME);
    const before = new DataSource({
      type: 'postgres',
      url,
      migrations: migrationsFrom(folder),
      migrationsTableName: 'migrations',
    });
    await before.initialize();
    await before.runMigrations({ transaction: 'each' });
    await before.query('insert into organizations (id, name) values ($1, $2)', [organizationId, 'Test']);
    const schema = '{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"string"}}}';
    for (const id of [withGreeting, without])
      await before.query(
        `insert into agents (id, organization_id, agent_name, agent_type, call_direction, prompt, analysis_schema)
         values ($1, $2, 'Old', 'VOICE', 'OUTBOUND', 'Be brief.', $3)`,
        [id, organizationId, schema],
      );
    await before.query('insert into agent_audio (agent_id, organization_id, pcm) values ($1, $2, $3)', [
      ...[withGreeting, organizationId, Buffer.from([1, 0, 2, 0])],
    ]);
    await before.destroy();

    dataSource = await openDatabase({ url, poolSize: 4, entities: ENTITIES as never });
    await migrate(dataSource);
    const database = new Database(poolOf(dataSource));
    agents = new AgentsService(
      dataSource.getRepository(AgentEntity),
      dataSource.getRepository(AgentVersionEntity),
      database,
      new SecretBox({ encryptionKey: Buffer.alloc(32), databaseUrl: url, dataDir: '/nowhere' }),
      new KnowledgeBasesService(database),
      { outbound: { allowNetworks: [], httpsOnly: false } },
    );
  });

  afterAll(async () => {
    await dataSource.destroy();
    await onServer(`drop database if exists "${NAME}" with (force)`);
    rmSync(folder, { recursive: true });
  });

  it('have version 1, which is what they are', async () => {
    const agent = await agents.get(organizationId, without);
    expect(agent.version).toBe(1);
    const { configuration } = await agents.getVersion(organizationId, without, 1);
    expect(agent).toMatchObject(configuration);
    expect(Object.keys(configuration.analysisSchema?.['properties'] as object)).toEqual(['b', 'a']);
  });

  it('keep their greeting', async () => {
    const { greetingAudio } = await agents.forCalls(organizationId, withGreeting);
    expect(greetingAudio).toEqual(Int16Array.of(1, 2));
    const { configuration } = await agents.getVersion(organizationId, withGreeting, 1);
    const { greetingAudioSha256 } = await agents.get(organizationId, withGreeting);
    expect(configuration.greetingAudioSha256).toBe(greetingAudioSha256);
    expect((await agents.forCalls(organizationId, without)).greetingAudio).toBeUndefined();
  });

  it('go on with version 2: the fields of both are the same, later ones aside', async () => {
    await agents.update(organizationId, withGreeting, { prompt: 'Be kind.' });
    const [one, two] = [1, 2].map((version) => agents.getVersion(organizationId, withGreeting, version));
    const [before, after] = [(await one)?.configuration, (await two)?.configuration];
    expect(after).toEqual({ ...before, prompt: 'Be kind.', apology: null });
  });
});
