import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cli, type Program, startServer, temporaryFolder } from '../support/process.js';

describe('npm run -s cli', () => {
  const folder = temporaryFolder();
  const settings = { DATA_DIR: folder.path };
  let server: Program;
  let url: string;

  beforeAll(async () => {
    ({ server, url } = await startServer(settings));
  });
  afterAll(async () => {
    await server.kill('SIGTERM');
    folder.remove();
  });

  const get = async (path: string, key: string) =>
    fetch(url + path, { headers: { authorization: `Bearer ${key}` } }).then((response) => response.status);

  it('works beside a running server: an organization, a key that works at once, its end', async () => {
    const organization = await cli(['org:create', '--name', 'Acme'], settings);
    expect(organization).toMatchObject({ code: 0, objects: [{ id: expect.any(String), name: 'Acme' }] });
    const org = organization.objects[0]!['id'];

    const created = await cli(
      ['key:create', '--org', org, '--env', 'test', '--scopes', 'calls:read,agents:read'],
      settings,
    );
    const { id, key } = created.objects[0] as { id: string; key: string };
    expect(key).toMatch(/^rpl_test_/);
    expect(await get('/v1/calls', key)).toBe(200);
    expect(await get('/v1/phone-numbers', key)).toBe(403);

    expect((await cli(['key:revoke', '--id', id], settings)).objects).toEqual([
      { id, name: expect.any(String), revokedAt: expect.any(String) },
    ]);
    expect(await get('/v1/calls', key)).toBe(403);
  });

  it('prints nothing but one JSON object a line on stdout', async () => {
    for (const args of [['migrate'], ['calls:rebuild'], ['openapi']]) {
      const { code, stdout } = await cli(args, settings);
      expect(code).toBe(0);
      expect(stdout.trim().split('\n')).toHaveLength(1);
      expect(typeof JSON.parse(stdout)).toBe('object');
    }
    expect(await cli(['feed:lag'], settings)).toMatchObject({ code: 0, stdout: '' });
  });

  it('rebuilds one call, and says so when there is none', async () => {
    expect(await cli(['calls:rebuild', '--id', '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10'], settings)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'Call not found\n',
    });
  });

  it.each([
    [['nonsense'], /^Unknown command: nonsense/],
    [['key:create', '--env', 'test'], /^--org and --scopes missing/],
    [['key:create', '--org', 'x', '--env', 'prod', '--scopes', 'all'], /^--env must be one of live, test/],
    [['key:create', '--org', 'x', '--env', 'test', '--scopes', 'calls:fly'], /^--scopes: calls:fly is not a scope/],
    [['key:create', '--org', 'x', '--env', 'test', '--scopes', 'all', '--expires', 'soon'], /^--expires must be/],
    [['org:create', '--name', 'x', '--color', 'red'], /Unknown option '--color'/],
  ])('%j is refused with exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await cli(args, settings);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('works without a server, and leaves none behind', async () => {
    const own = temporaryFolder();
    expect(await cli(['org:create', '--name', 'Alone'], { DATA_DIR: own.path })).toMatchObject({ code: 0 });
    const again = await cli(['org:create', '--name', 'Again'], { DATA_DIR: own.path });
    expect(again.code).toBe(0);
    expect(existsSync(join(own.path, 'pg18', 'postmaster.pid'))).toBe(false);
    own.remove();
  });
});
