import { Controller, Get, Module, RequestMethod } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { type AddressInfo } from 'node:net';
import { generateKey, SCOPES, type Scope } from '../../src/api-keys/api-key.js';
import { AppModule } from '../../src/app/app.module.js';
import { loadConfig } from '../../src/config/config.js';
import { createLog } from '../../src/lib/platform/log.js';
import { FastExpressAdapter } from '../../src/lib/platform/http/fast-express.adapter.js';
import { operationOf } from '../../src/lib/platform/http/operation.js';
import { setUpHttp } from '../../src/lib/platform/http/http.setup.js';
import { type Answer, TestApp, type Tenant } from '../support/app.js';
import { cloneDatabase, onServer, openTestDatabase, type TestDatabase } from '../support/database.js';

interface Route {
  method: string;
  path: string;
  scope: string | undefined;
}

const nameOf = ({ method, path }: Omit<Route, 'scope'>): string => `${method} ${path}`;

/** The routes that Nest's controllers declare, with the scope that their decorator asks for. */
function declaredRoutes(app: TestApp): Route[] {
  const controllers = [...app.nest.get(ModulesContainer).values()].flatMap((module) => [
    ...module.controllers.values(),
  ]);
  return controllers.flatMap(({ metatype }) => {
    const prefix = Reflect.getMetadata('path', metatype as object) as string;
    const prototype = (metatype as { prototype: Record<string, object> }).prototype;
    return Object.getOwnPropertyNames(prototype).flatMap((name): Route[] => {
      const handler = prototype[name] as object;
      const path = Reflect.getMetadata('path', handler) as string | undefined;
      if (name === 'constructor' || path === undefined) return [];
      const method = RequestMethod[Reflect.getMetadata('method', handler) as RequestMethod];
      const full = `/${prefix}/${path}`.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, '');
      return [{ method, path: full, scope: operationOf(handler)?.scope }];
    });
  });
}

/** The routes that Express really serves. */
function servedRoutes(app: TestApp): Omit<Route, 'scope'>[] {
  const { router } = app.nest.getHttpAdapter().getInstance();
  return router.stack.flatMap(({ route }) => {
    const methods = Object.keys((route as unknown as { methods: object } | undefined)?.methods ?? {});
    return methods.map((method) => ({ method: method.toUpperCase(), path: route?.path ?? '' }));
  });
}

describe('the guard before every route', () => {
  let db: TestDatabase;
  let app: TestApp;
  let secondApp: TestApp;
  let tenant: Tenant;

  beforeAll(async () => {
    db = await openTestDatabase();
    app = await TestApp.start(db.url);
    secondApp = await TestApp.start(db.url);
    tenant = await app.tenant();
  });

  afterAll(async () => {
    await secondApp.close();
    await app.close();
    await db.close();
  });

  const get = (key?: string, headers: Record<string, string> = {}, on = app) =>
    on.request('GET', '/v1/calls', { ...(key === undefined ? {} : { key }), headers });
  const expectUnauthorized = ({ status, headers, body }: Answer) => {
    expect(status).toBe(401);
    expect(body.error).toMatchObject({ code: 'unauthorized', details: null });
    expect(headers.get('www-authenticate')).toBe('Bearer');
  };
  const expectInactive = ({ status, headers, body }: Answer) => {
    expect(status).toBe(403);
    expect(body.error).toEqual({ code: 'forbidden', message: 'API key is inactive or expired', details: null });
    expect(headers.get('www-authenticate')).toBeNull();
  };

  describe('over all routes', () => {
    /** Sends a request to each route that needs a key, and tells what each answered. */
    async function ask(keyFor: (scope: Scope) => Promise<string | undefined>): Promise<Map<string, Answer>> {
      const answers = new Map<string, Answer>();
      for (const route of declaredRoutes(app)) {
        if (route.scope === 'public') continue;
        const key = await keyFor(route.scope as Scope);
        const path = route.path.replaceAll(/:\w+/g, 'x');
        // A stream asked to go on after nonsense is refused at once instead of staying open.
        const headers = { 'last-event-id': 'nonsense' };
        answers.set(
          nameOf(route),
          await app.request(route.method, path, { headers, ...(key === undefined ? {} : { key }) }),
        );
      }
      expect(answers.size).toBeGreaterThan(20);
      return answers;
    }

    it('nothing is served but what controllers declare and the API reference', () => {
      const served = servedRoutes(app).map(nameOf);
      const isReference = (name: string) => /^GET \/(docs|openapi\.json)\b/.test(name);
      const others = served.filter((name) => !isReference(name));
      expect(others.sort()).toEqual(declaredRoutes(app).map(nameOf).sort());
    });

    it('each states a scope that exists, or that it is public, and only health and signed links are', () => {
      const routes = declaredRoutes(app);
      expect(routes.filter(({ scope }) => scope === 'public').map(nameOf)).toEqual([
        'GET /health/live',
        'GET /health/ready',
        // It asks for the signature in its address instead.
        'GET /recordings/:name',
      ]);
      const scopes = new Set(routes.map(({ scope }) => scope).filter((scope) => scope !== 'public'));
      expect([...SCOPES]).toEqual(expect.arrayContaining([...scopes]));
    });

    it('401 without a key', async () => {
      for (const answer of (await ask(() => Promise.resolve(undefined))).values()) expectUnauthorized(answer);
    });

    it('403 insufficient_scope with every scope but the one', async () => {
      const all = await ask((scope) =>
        app.key(tenant.organizationId, { scopes: SCOPES.filter((each) => each !== scope) }),
      );
      const scopes = new Map(declaredRoutes(app).map((route) => [nameOf(route), route.scope ?? '']));
      for (const [name, { status, body }] of all) {
        const message = `API key does not have the required scope: ${scopes.get(name) ?? ''}`;
        expect([name, status, body.error]).toEqual([name, 403, { code: 'insufficient_scope', message, details: null }]);
      }
    });

    it('neither 401 nor 403 with the one scope', async () => {
      const all = await ask((scope) => app.key(tenant.organizationId, { scopes: [scope] }));
      for (const [name, { status }] of all) expect([name, [401, 403].includes(status)]).toEqual([name, false]);
    });

    it('200 without a key for what is public', async () => {
      for (const path of ['/health/live', '/health/ready']) {
        const { status, body } = await app.request('GET', path);
        expect([status, body.data]).toEqual([200, { status: 'ok' }]);
      }
    });
  });

  it('403 for a route that does not say who may ask, with and without a key', async () => {
    @Controller('bare')
    class BareController {
      @Get()
      answer(): string {
        return 'open to the world';
      }
    }
    const config = { ...loadConfig({}, '/dev/null'), roles: ['api'] as const };
    @Module({ imports: [AppModule.forRoot(config, db, createLog('silent'))], controllers: [BareController] })
    class CarelessModule {}
    const nest = await NestFactory.create(CarelessModule, new FastExpressAdapter(), {
      logger: false,
      bodyParser: false,
    });
    setUpHttp(nest as never, {});
    await nest.listen(0, '127.0.0.1');
    try {
      const { port } = (nest.getHttpServer() as { address(): AddressInfo }).address();
      for (const headers of [new Headers(), new Headers({ authorization: `Bearer ${tenant.key}` })]) {
        const response = await fetch(`http://127.0.0.1:${port}/bare`, { headers });
        const { error } = (await response.json()) as any;
        expect([response.status, error.code]).toEqual([403, 'forbidden']);
      }
    } finally {
      // Not `close`, which would close the database of the other tests as well.
      (nest.getHttpServer() as { close(): void }).close();
    }
  });

  it.each([
    ...['', 'Bearer', 'Bearer ', 'Basic dXNlcjpwYXNz', 'KEY', 'Token KEY', 'Bearer KEY KEY', 'Bearer KEY,KEY'],
    ...['Bearer "KEY"', 'Bearer rpl_test_', 'Bearer null', 'Bearer é'],
  ])('401 for the header %j', async (header) => {
    expectUnauthorized(await get(undefined, { authorization: header.replaceAll('KEY', tenant.key) }));
  });

  it('401 for a key anywhere else than in the header', async () => {
    expectUnauthorized(await get(undefined, { 'x-api-key': tenant.key }));
    expectUnauthorized(await app.request('GET', `/v1/calls?key=${tenant.key}&access_token=${tenant.key}`));
  });

  it.each(['bearer KEY', 'BEARER KEY', 'Bearer   KEY'])('200 for the header %j', async (header) => {
    expect((await get(undefined, { authorization: header.replace('KEY', tenant.key) })).status).toBe(200);
  });

  it('401 is the same for an unknown key and a malformed one', async () => {
    const answers = [await get(generateKey('test')), await get('rpl_test_x'), await get()];
    for (const answer of answers) expectUnauthorized(answer);
    expect(new Set(answers.map(({ text, body }) => text.replace(body.requestId, ''))).size).toBe(1);
  });

  it('401 for a malformed key without asking the database', async () => {
    const name = 'guard_without_database';
    const lost = await TestApp.start(await cloneDatabase(name));
    try {
      expectUnauthorized(await get(generateKey('test'), {}, lost));
      await onServer(`drop database ${name} with (force)`);
      const mistyped = `${generateKey('test').slice(0, -1)}!`;
      expectUnauthorized(await get(mistyped, {}, lost));
      // What is well-formed has to be looked up, which shows that there was nothing to ask.
      expect((await get(generateKey('test'), {}, lost)).status).toBeGreaterThanOrEqual(500);
    } finally {
      await lost.close();
    }
  });

  it('403 for a key that has expired', async () => {
    const key = await app.key(tenant.organizationId, { expiresAt: new Date(Date.now() + 3_600_000) });
    expect((await get(key)).status).toBe(200);
    await db.database.query(`update api_keys set expires_at = expires_at - interval '1 hour' where ending = $1`, [
      key.slice(-4),
    ]);
    expectInactive(await get(key));
  });

  it('403 for a revoked key from the next request on, in every process', async () => {
    const [key, other] = [await app.key(tenant.organizationId), await app.key(tenant.organizationId)];
    for (const on of [app, secondApp]) expect((await get(key, {}, on)).status).toBe(200);
    const { body } = await app.request('GET', '/v1/api-keys?limit=1&page=2', { key: tenant.key });
    const revoked = body.data[0];
    expect(revoked.ending).toBe(key.slice(-4));
    await app.request('DELETE', `/v1/api-keys/${revoked.id}`, { key: tenant.key });
    for (const on of [secondApp, app]) {
      expectInactive(await get(key, {}, on));
      expect((await get(other, {}, on)).status).toBe(200);
    }
  });
});
