// Writes the committed files that are made from the source, or with --check compares them: `npm run generate [FILE …]`.
import 'reflect-metadata';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as prettier from 'prettier';
import { API_INFO } from '../dist/app/api-info.js';
import { createApplication, openConfiguredDatabase } from '../dist/app/application.js';
import { envExample, loadConfig, settingsPage } from '../dist/config/config.js';
import { buildOpenApi, createLog } from '../dist/lib/platform/index.js';
import { schemaText } from '../dist/lib/platform/database/schema-text.js';
import { SIMULATOR_NUMBERS } from '../dist/telephony/index.js';

const json = async (value) =>
  prettier.format(JSON.stringify(value), { ...(await prettier.resolveConfig('openapi.json')), parser: 'json' });

const testNumbersPage = () =>
  [
    '# Numbers of test mode',
    '',
    'Generated from `src/telephony/simulator` by `npm run generate`. A test call never reaches a network; its destination decides how it goes. Every number that is',
    'not listed behaves like the first one. Up to `SIMULATOR_SPEED=20` the agent converses with a simulated callee; above that, a script supplies the transcript.',
    '',
    '| number | | behaviour |',
    '|---|---|---|',
    ...SIMULATOR_NUMBERS.map(({ number, title, description }) => `| \`${number}\` | ${title} | ${description} |`),
    '',
  ].join('\n');

const FILES = {
  '.env.example': () => envExample(),
  'docs/settings.md': () => settingsPage(),
  'docs/test-numbers.md': () => testNumbersPage(),
  'schema.sql': ({ database }) => schemaText(database.dataSource),
  'openapi.json': async ({ config, database }) =>
    json(buildOpenApi(await createApplication({ ...config, roles: ['api'] }, database, createLog('silent')), API_INFO)),
};

const isCheck = process.argv.includes('--check');
const named = process.argv.slice(2).filter((argument) => argument !== '--check');
const unknown = named.filter((file) => !Object.hasOwn(FILES, file));
if (unknown.length > 0)
  throw new Error(`Not generated: ${unknown.join(', ')}. There are: ${Object.keys(FILES).join(', ')}`);

const dataDir = mkdtempSync(join(tmpdir(), 'outdial-generate-'));
const config = { ...loadConfig({}, '/dev/null'), dataDir };
const database = await openConfiguredDatabase(config);
let outdated = 0;
try {
  for (const [file, make] of Object.entries(FILES)) {
    if (named.length > 0 && !named.includes(file)) continue;
    const made = await make({ config, database });
    const committed = readFileSync(file, { encoding: 'utf8', flag: 'a+' });
    if (made === committed) console.log(`${file} is up to date`);
    else if (isCheck) {
      outdated++;
      const line = made.split('\n').findIndex((text, n) => text !== committed.split('\n')[n]);
      console.error(`${file} is not up to date from line ${line + 1}: run npm run generate`);
    } else {
      writeFileSync(file, made);
      console.log(`${file} written`);
    }
  }
} finally {
  await database.close();
  rmSync(dataDir, { recursive: true, force: true });
}
process.exit(outdated > 0 ? 1 : 0);
