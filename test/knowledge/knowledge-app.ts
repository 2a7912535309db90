import { type Answer, type Tenant, TestApp } from '../support/app.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

/** The API with two organizations, and the requests that specs about knowledge make. */
export class KnowledgeApp {
  private constructor(
    readonly db: TestDatabase,
    readonly app: TestApp,
    readonly tenant: Tenant,
    readonly stranger: Tenant,
  ) {}

  static async start(): Promise<KnowledgeApp> {
    const db = await openTestDatabase();
    const app = await TestApp.start(db.url);
    return new KnowledgeApp(db, app, await app.tenant(), await app.tenant());
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.db.close();
  }

  ask(method: string, path = '', body?: unknown, key = this.tenant.key): Promise<Answer> {
    const at = `/v1/knowledge-bases${path}`;
    return this.app.request(method, at, { key, ...(body === undefined ? {} : { body }) });
  }

  async base(fields: object = {}, key = this.tenant.key): Promise<string> {
    return (await this.ask('POST', '', { name: 'Museum', ...fields }, key)).body.data.id as string;
  }

  async upload(
    baseId: string,
    file: Buffer | string | ReadableStream,
    { name = 'Rules', type = 'text/markdown', key = this.tenant.key }: Upload = {},
  ): Promise<Answer> {
    const query = name === null ? '' : `?name=${encodeURIComponent(name)}`;
    const request: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, ...(type === null ? {} : { 'content-type': type }) },
      body: (typeof file === 'string' ? Buffer.from(file) : file) as NonNullable<RequestInit['body']>,
      duplex: 'half',
    };
    const response = await fetch(`${this.app.url}/v1/knowledge-bases/${baseId}/documents${query}`, request);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
  }

  search(baseId: string, q: string, limit?: number, key = this.tenant.key): Promise<Answer> {
    const query = `?q=${encodeURIComponent(q)}${limit === undefined ? '' : `&limit=${limit}`}`;
    return this.ask('GET', `/${baseId}/search${query}`, undefined, key);
  }

  expectNotFound({ status, text, body }: Answer, thing = 'Knowledge base'): void {
    expect(status).toBe(404);
    const error = `{"code":"not_found","message":"${thing} not found","details":null}`;
    expect(text).toBe(`{"error":${error},"requestId":"${body.requestId}"}`);
  }

  expectRefused({ status, body }: Answer, ...fields: string[]): void {
    expect([status, body.error?.code]).toEqual([400, 'validation_error']);
    expect(Object.keys(body.error.details as object)).toEqual(fields);
  }

  async expectScope(scope: 'agents:read' | 'agents:write', request: (key: string) => Promise<Answer>): Promise<void> {
    const other = scope === 'agents:read' ? 'agents:write' : 'agents:read';
    const { status, body } = await request(await this.app.key(this.tenant.organizationId, { scopes: [other] }));
    expect(status).toBe(403);
    const message = `API key does not have the required scope: ${scope}`;
    expect(body.error).toEqual({ code: 'insufficient_scope', message, details: null });
  }
}

interface Upload {
  name?: string | null;
  type?: string | null;
  key?: string;
}
