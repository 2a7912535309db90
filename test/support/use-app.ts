import { type Config } from '../../src/config/config.js';
import { TestApp } from './app.js';
import { openTestDatabase, type TestDatabase } from './database.js';

/** A TestApp on a database of its own. It opens before the tests of the surrounding `describe` and closes after them. */
export function useApp(settings: Partial<Config> = {}): TestApp & { readonly db: TestDatabase } {
  const app = Object.create(TestApp.prototype) as TestApp & { db?: TestDatabase };
  beforeAll(async () => {
    app.db = await openTestDatabase();
    Object.assign(app, await TestApp.start(app.db.url, settings));
  });
  afterAll(async () => {
    if (app.url) await app.close();
    await app.db?.close();
  });
  return app as TestApp & { readonly db: TestDatabase };
}
