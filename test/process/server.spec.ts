import { once } from 'node:events';
import { createServer } from 'node:net';
import { type AddressInfo } from 'node:net';
import { cloneDatabase, urlOf } from '../support/database.js';
import { Program, startServer, temporaryFolder } from '../support/process.js';

describe('npm start', () => {
  const folder = temporaryFolder();
  const settings = { DATA_DIR: folder.path };
  afterAll(() => {
    folder.remove();
  });

  let curl: { url: string; key: string; body: string };
  const createCall = async (url: string) => {
    const response = await fetch(`${url}/v1/calls`, {
      method: 'POST',
      headers: { authorization: `Bearer ${curl.key}`, 'content-type': 'application/json' },
      body: curl.body,
    });
    return { status: response.status, body: (await response.json()) as any };
  };
  const countCalls = async (url: string): Promise<number> => {
    const response = await fetch(`${url}/v1/calls`, { headers: { authorization: `Bearer ${curl.key}` } });
    return ((await response.json()) as any).pagination.total;
  };

  it('first start: makes a demo organization and prints a curl that works as it is', async () => {
    const { server, url } = await startServer(settings);
    const [, target = '', key = '', body = ''] = await server.says(
      /curl -X POST (\S+)\/v1\/calls \\\n\s+-H "Authorization: Bearer (\S+)" \\\n.*\n\s+-d '(.*)'/,
    );
    expect(target).toBe(url);
    curl = { url, key, body };
    expect(await createCall(url)).toMatchObject({ status: 201, body: { data: { status: 'queued' } } });
    expect(await server.kill('SIGTERM')).toBe(0);
    expect(server.stderr).toBe('');
  });

  it('second start: on the same data, without a demo', async () => {
    const { server, url } = await startServer(settings);
    expect(await countCalls(url)).toBe(1);
    expect(server.stdout).not.toContain('rpl_');
    expect(await server.kill('SIGINT')).toBe(0);
  });

  it('recovers after kill -9 with every acknowledged call', async () => {
    const first = await startServer(settings);
    for (let n = 0; n < 20; n++) expect((await createCall(first.url)).status).toBe(201);
    await first.server.kill('SIGKILL');
    const second = await startServer(settings);
    expect(await countCalls(second.url)).toBe(21);
    await second.server.kill('SIGTERM');
  });

  it('a second process on the same data shares the database and outlives the first', async () => {
    const first = await startServer(settings);
    const second = await startServer(settings);
    await createCall(first.url);
    expect(await countCalls(second.url)).toBe(22);
    await first.server.kill('SIGKILL');
    expect((await createCall(second.url)).status).toBe(201);
    expect(await second.server.kill('SIGTERM')).toBe(0);
  });

  it('lets a request under way end before it stops', async () => {
    const { server, url } = await startServer(settings);
    const pending = Promise.all(Array.from({ length: 20 }, () => createCall(url)));
    const answered = createCall(url);
    await answered;
    const code = server.kill('SIGTERM');
    for (const { status } of await pending) expect(status).toBe(201);
    expect(await code).toBe(0);
  });
});

describe('a start that cannot work ends in one clear line and exit code 1', () => {
  const refused = async (settings: Record<string, string>) => {
    const program = Program.run('main.js', [], settings);
    const code = await program.exited;
    return { code, lines: (program.stdout + program.stderr).trim().split('\n') };
  };

  it('a taken port', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const url = await cloneDatabase('taken_port');
    const { code, lines } = await refused({ PORT: String(port), DATABASE_URL: url });
    taken.close();
    expect(code).toBe(1);
    expect(lines).toEqual([`Cannot listen on 127.0.0.1:${port}: the port is taken; set PORT to another one`]);
  });

  it.each([
    [
      'an unreachable database',
      'postgres://x:sesame@127.0.0.1:1/x',
      /^Cannot use the database at 127\.0\.0\.1:1\/x: .*ECONNREFUSED/,
    ],
    ['a wrong password', () => urlOf('outdial').replace(/:[^:@]+@/, ':sesame@'), /password authentication failed/],
    ['a missing database', () => urlOf('nowhere'), /database "nowhere" does not exist/],
  ])('%s', async (_, url, message) => {
    const { code, lines } = await refused({ DATABASE_URL: typeof url === 'string' ? url : url() });
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(message)]);
    expect(lines[0]).not.toContain('sesame');
  });

  it('an unreachable Redis', async () => {
    const { code, lines } = await refused({ REDIS_URL: 'redis://:sesame@127.0.0.1:1' });
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/^Cannot use Redis at 127\.0\.0\.1:1 \(REDIS_URL\): .*ECONNREFUSED/)]);
  });

  it.each([
    [{ PORT: '99999' }, /^Bad setting: PORT must be/],
    [{ ROLES: 'api,cook' }, /^Bad setting: ROLES must be/],
    [{ DATABASE_URL: 'mysql://x' }, /^Bad setting: DATABASE_URL must be/],
    [{ NODE_ENV: 'production' }, /^Bad setting: DATABASE_URL is required/],
  ])('a bad setting: %o', async (settings, message) => {
    const { code, lines } = await refused(settings);
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(message)]);
  });
});
