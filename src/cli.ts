import 'reflect-metadata';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { API_INFO } from './app/api-info.js';
import { AppModule } from './app/app.module.js';
import { createApplication, openConfiguredDatabase } from './app/application.js';
import {
  ApiKeysService,
  type Environment,
  ENVIRONMENTS,
  type IssuedKey,
  type Scope,
  SCOPES,
} from './api-keys/index.js';
import { rebuildCall, rebuildCalls, TURNS_TABLE } from './calls/index.js';
import { type Config, loadConfig } from './config/config.js';
import { feedLag, repairFeedAfterRestore } from './lib/event-store/index.js';
import { buildOpenApi, createLog, Database, parseTimestamp, poolOf, messageOf } from './lib/platform/index.js';

type Options = Readonly<Record<string, string | undefined>>;

/** What a command works with. */
interface Tools {
  keys: ApiKeysService;
  database: Database;
  migrated: string[];
  openApi: () => Promise<object>;
}

interface Command {
  does: string;
  /** Options with what they take; those ending in `?` may be left out. */
  options: Readonly<Record<string, string>>;
  run(options: Options, tools: Tools): Promise<readonly object[]>;
}

class UsageError extends Error {
  override readonly name = 'UsageError';
}

const COMMANDS: Readonly<Record<string, Command>> = {
  migrate: {
    does: 'Apply missing migrations',
    options: {},
    run: (_, { migrated }) => Promise.resolve([{ migrated }]),
  },
  'org:create': {
    does: 'Create an organization',
    options: { name: 'TEXT' },
    run: async ({ name = '' }, { keys }) => {
      const { id, name: created, createdAt } = await keys.createOrganization(name);
      return [{ id, name: created, createdAt }];
    },
  },
  'key:create': {
    does: 'Create an API key; it is shown this once',
    options: {
      org: 'ID',
      env: ENVIRONMENTS.join('|'),
      scopes: 'a,b|all',
      'name?': 'TEXT',
      'expires?': 'TIME',
      'rate-limit?': 'N',
    },
    run: async (options, { keys }) => [describeKey(await keys.issue(options['org'] ?? '', wantedKey(options)))],
  },
  'key:revoke': {
    does: 'End an API key at once',
    options: { id: 'ID' },
    run: async ({ id = '' }, { keys }) => {
      const key = await keys.revokeAny(id);
      return [{ id: key.id, name: key.name, revokedAt: key.revokedAt }];
    },
  },
  'calls:rebuild': {
    does: 'Bring calls and their counters back to what the events say',
    options: { 'id?': 'ID' },
    run: async ({ id }, { database }) => [
      await (id === undefined ? rebuildCalls(database) : rebuildCall(database, id)),
    ],
  },
  'feed:lag': {
    does: 'Show how far each reader of the feed is behind, a line each',
    options: {},
    run: (_, { database }) => feedLag(database),
  },
  'feed:after-restore': {
    does: 'Mend the order of the feed after a dump was restored into a new cluster; run it before the server',
    options: {},
    run: async (_, { database }) => [{ events: await repairFeedAfterRestore(database, [TURNS_TABLE]) }],
  },
  openapi: {
    does: 'Print the OpenAPI document',
    options: {},
    run: async (_, { openApi }) => [await openApi()],
  },
};

function wantedKey({ env, scopes, name, expires, 'rate-limit': rateLimit }: Options) {
  const environment = ENVIRONMENTS.find((each): each is Environment => each === env);
  if (!environment) throw new UsageError(`--env must be one of ${ENVIRONMENTS.join(', ')}`);
  const expiresAt = expires === undefined ? null : parseTimestamp(expires);
  if (expiresAt === undefined) throw new UsageError('--expires must be an ISO 8601 time, like 2027-12-31T00:00:00Z');
  if (rateLimit !== undefined && !/^\d{1,9}$/.test(rateLimit))
    throw new UsageError('--rate-limit must be a whole number');
  return {
    name: name ?? `CLI ${environment} key`,
    environment,
    scopes: wantedScopes(scopes ?? ''),
    expiresAt,
    rateLimitPerMinute: rateLimit === undefined ? null : Number(rateLimit),
  };
}

function wantedScopes(list: string): readonly Scope[] {
  if (list === 'all') return SCOPES;
  return [...new Set(list.split(',').map((item) => item.trim()))].map((item) => {
    const scope = SCOPES.find((each) => each === item);
    if (!scope)
      throw new UsageError(`--scopes: ${item || '(empty)'} is not a scope. There are: all, ${SCOPES.join(', ')}`);
    return scope;
  });
}

const describeKey = ({ entity, key }: IssuedKey): object => ({
  id: entity.id,
  key,
  name: entity.name,
  organizationId: entity.organizationId,
  environment: entity.environment,
  scopes: entity.scopes,
  expiresAt: entity.expiresAt,
});

function usage(): string {
  const lines = Object.entries(COMMANDS).map(
    ([name, command]) => `  ${synopsis(name, command)}\n      ${command.does}`,
  );
  return `Usage: npm run -s cli -- <command>\n\n${lines.join('\n')}\n\nPrints one JSON object a line. Settings as for the server: DATABASE_URL or DATA_DIR.\n`;
}

function synopsis(name: string, { options }: Command): string {
  const parts = Object.entries(options).map(([option, takes]) =>
    option.endsWith('?') ? `[--${option.slice(0, -1)} ${takes}]` : `--${option} ${takes}`,
  );
  return [name, ...parts].join(' ');
}

function parse(name: string, command: Command, args: string[]): Options {
  const names = Object.keys(command.options).map((option) => option.replace('?', ''));
  const options: ParseArgsConfig['options'] = Object.fromEntries(names.map((option) => [option, { type: 'string' }]));
  try {
    const values = parseArgs({ args, options, strict: true }).values as Options;
    const missing = Object.keys(command.options).filter((option) => !option.endsWith('?') && !values[option]);
    if (missing.length > 0) throw new Error(`--${missing.join(' and --')} missing`);
    return values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\nUsage: ${synopsis(name, command)}`);
  }
}

async function run(config: Config, command: Command, options: Options): Promise<readonly object[]> {
  const opened = await openConfiguredDatabase(config);
  const { dataSource, migrated } = opened;
  try {
    const log = createLog('silent');
    const roles = { ...config, roles: [] };
    const context = await NestFactory.createApplicationContext(AppModule.forRoot(roles, opened, log), {
      logger: false,
    });
    const openApi = async () =>
      buildOpenApi(await createApplication({ ...config, roles: ['api'] }, opened, log), API_INFO);
    return await command.run(options, {
      keys: context.get(ApiKeysService),
      database: new Database(poolOf(dataSource)),
      migrated,
      openApi,
    });
  } finally {
    await opened.close();
  }
}

async function main([name = '', ...args]: string[]): Promise<number> {
  if (['', 'help', '--help', '-h'].includes(name) || args.includes('--help')) {
    process.stdout.write(usage());
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new UsageError(`Unknown command: ${name}\n${usage()}`);
  for (const result of await run(loadConfig(), command, parse(name, command, args)))
    process.stdout.write(`${JSON.stringify(result)}\n`);
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  },
);
