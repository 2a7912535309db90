import { type AddressInfo } from 'node:net';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { AgentsService } from '../../src/agents/agents.service.js';
import { ENTITIES } from '../../src/app/app.module.js';
import { ApiKeysService } from '../../src/api-keys/api-keys.service.js';
import { type Environment, type Scope, SCOPES } from '../../src/api-keys/api-key.js';
import { createApplication } from '../../src/app/application.js';
import { RecordingLinks } from '../../src/calls/recording-links.js';
import { type Config, loadConfig } from '../../src/config/config.js';
import { createLog } from '../../src/lib/platform/log.js';
import { openDatabase } from '../../src/lib/platform/database/database.js';
import { PhoneNumbersService } from '../../src/carriers/phone-numbers.service.js';

/** The body of a response without a static type: the assertions check it. */
export type Json = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Json;
  text: string;
}

export interface Tenant {
  organizationId: string;
  agentId: string;
  fromNumber: string;
  key: string;
}

/** The application on a real socket, with the common steps of tests. */
export class TestApp {
  private constructor(
    readonly nest: NestExpressApplication,
    readonly url: string,
  ) {}

  /** Serves the API, by default without workers, on a free port. */
  static async start(databaseUrl: string, settings: Partial<Config> = {}): Promise<TestApp> {
    const dataSource = await openDatabase({ url: databaseUrl, poolSize: 10, entities: ENTITIES as never });
    const config: Config = { ...loadConfig({}, '/dev/null'), roles: ['api'], logLevel: 'silent', ...settings };
    const nest = await createApplication(config, { dataSource, url: databaseUrl }, createLog(config.logLevel));
    await nest.listen(0, '127.0.0.1');
    const { port } = nest.getHttpServer().address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    if (config.roles.includes('api')) nest.get(RecordingLinks, { strict: false }).servedAt(url);
    return new TestApp(nest, url);
  }

  close(): Promise<void> {
    return this.nest.close();
  }

  /** A new organization with an agent, a phone number and a key without limit. */
  async tenant(environment: Environment = 'test', scopes: readonly Scope[] = SCOPES): Promise<Tenant> {
    const { id: organizationId } = await this.nest.get(ApiKeysService).createOrganization('Test');
    const agent = await this.nest.get(AgentsService).create(organizationId, { agentName: 'Test agent' });
    const fromNumber = '+0987654321';
    await this.nest.get(PhoneNumbersService).add(organizationId, { phoneNumber: fromNumber });
    return {
      organizationId,
      agentId: agent.id,
      fromNumber,
      key: await this.key(organizationId, { environment, scopes }),
    };
  }

  /** Another key of an organization. */
  async key(
    organizationId: string,
    wanted: {
      environment?: Environment;
      scopes?: readonly Scope[];
      expiresAt?: Date;
      rateLimitPerMinute?: number;
    } = {},
  ): Promise<string> {
    const defaults = { name: 'Test key', environment: 'test' as const, scopes: SCOPES, rateLimitPerMinute: 0 };
    return (await this.nest.get(ApiKeysService).issue(organizationId, { ...defaults, ...wanted })).key;
  }

  /** Sends a request. A `body` that is an object goes as JSON, a string unchanged. */
  async request(
    method: string,
    path: string,
    options: { key?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const { key, body, headers } = options;
    const response = await fetch(this.url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
  }

  /** Creates a call and returns its id. */
  async createCall({ key, agentId, fromNumber }: Tenant, fields: object = {}): Promise<string> {
    const body = { agentId, fromNumber, toNumber: '+1234567890', ...fields };
    const answer = await this.request('POST', '/v1/calls', { key, body });
    if (answer.status !== 201) throw new Error(`call not created: ${answer.text}`);
    return (answer.body as { data: { id: string } }).data.id;
  }
}
