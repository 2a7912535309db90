import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

/** The table of design.md: which room may import which. Everybody may import the types of `config`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  'event-store': ['platform'],
  'api-keys': ['platform'],
  agents: ['platform', 'api-keys'],
  telephony: ['platform', 'api-keys'],
  voice: ['platform'],
  calls: ['platform', 'event-store', 'api-keys', 'agents', 'telephony', 'voice'],
  campaigns: ['platform', 'event-store', 'api-keys', 'agents', 'calls'],
  webhooks: ['platform', 'event-store', 'api-keys', 'calls'],
};

/** Files that must stay free of clocks, databases and frameworks. They may import each other across rooms. */
const PURE = [
  'platform/audio/g711.ts',
  'platform/audio/resample.ts',
  'platform/audio/sample-rate.ts',
  'platform/audio/wav-header.ts',
  'platform/coalescer.ts',
  'platform/domain-error.ts',
  'platform/http/reply.ts',
  'platform/pagination.ts',
  'platform/plain-json.ts',
  'platform/timestamps.ts',
  'agents/agent-configuration.ts',
  'agents/agent-settings-check.ts',
  'agents/agent-tools-check.ts',
  'agents/answer-schema.ts',
  'agents/plain-url.ts',
  'agents/shape-check.ts',
  ...['chunk-text', 'citation-text', 'pdf-text', 'text-search'].map((name) => `agents/knowledge/${name}.ts`),
  'api-keys/api-key.ts',
  'telephony/carriers/sip-carrier.ts',
  'telephony/carriers/sip-carrier-setting.ts',
  'telephony/dialling-policy/calling-hours.ts',
  'telephony/dialling-policy/dialling-policy.ts',
  'telephony/simulator/simulator-plans.ts',
  'telephony/simulator/simulator-script.ts',
  'telephony/simulator/simulator-timeline.ts',
  'telephony/telephony-provider.ts',
  ...['digest', 'host', 'name-addr', 'sdp', 'sdp-parse', 'sip-reasons', 'sip-text', 'sip-uri', 'via'].map(
    (name) => `telephony/sip/${name}.ts`,
  ),
  ...['call-quality', 'rtcp', 'rtp-packet', 'srtp'].map((name) => `telephony/media/${name}.ts`),
  'calls/call.ts',
  'calls/call-counts.ts',
  'calls/call-events.ts',
  'calls/call-row.ts',
  'calls/intake/cloud-event.ts',
  'calls/analysis/assessment-prompt.ts',
  'calls/call-latency.ts',
  'calls/cost.ts',
  'calls/reasons.ts',
  'calls/recordings/recording-links.ts',
  'calls/recordings/s3-location.ts',
  'voice/fill-in.ts',
  ...['payload', 'retry-schedule', 'signature', 'webhook-events'].map((name) => `webhooks/${name}.ts`),
];

/** What a pure file may take from outside: functions without state or side effects that others can see. */
const PURE_PACKAGES = ['mustache', 'node:crypto', 'node:zlib'];

const SRC = resolve('src');

interface Import {
  from: string;
  to: string;
  /** Erased when compiled. */
  typeOnly: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
  .sort();

const imports = files.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(file, readFileSync(join(SRC, file), 'utf8'), ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement): Import[] => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    if (!statement.moduleSpecifier || !ts.isStringLiteral(statement.moduleSpecifier)) return [];
    const { text } = statement.moduleSpecifier;
    const to = text.startsWith('.') ? relative(SRC, resolve(SRC, dirname(file), text.replace(/\.js$/, '.ts'))) : text;
    return [{ from: file, to, typeOnly: isTypeOnly(statement) }];
  });
}

function isTypeOnly(statement: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(statement)) return statement.isTypeOnly;
  const clause = statement.importClause;
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings && ts.isNamedImports(clause.namedBindings) ? clause.namedBindings.elements : [];
  return !clause.name && named.length > 0 && named.every((element) => element.isTypeOnly);
}

const roomOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : '');
const isLocal = (to: string): boolean => files.includes(to);
const between = imports.filter(({ from, to }) => isLocal(to) && roomOf(from) !== '' && roomOf(from) !== roomOf(to));
const show = ({ from, to }: Import): string => `${from} -> ${to}`;

describe('rooms', () => {
  it('are those of design.md', () => {
    const rooms = [...new Set(files.map(roomOf))].filter(Boolean);
    expect(rooms.filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  });

  it('import only what the table allows, and of the root only config', () => {
    const offenders = between.filter(({ from, to }) =>
      roomOf(to) === '' ? to !== 'config.ts' : !MAY_IMPORT[roomOf(from)]?.includes(roomOf(to)),
    );
    expect(offenders.map(show)).toEqual([]);
  });

  it('are entered through index.ts only, pure files of pure files aside', () => {
    const offenders = between
      .filter(({ to }) => roomOf(to) !== '' && !to.endsWith('/index.ts'))
      .filter(({ from, to }) => !(PURE.includes(from) && PURE.includes(to)));
    expect(offenders.map(show)).toEqual([]);
  });

  it('have no cycles between files', () => {
    const graph = new Map(files.map((file) => [file, imports.filter((i) => i.from === file && isLocal(i.to))]));
    const done = new Set<string>();
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file)) throw new Error(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`);
      if (done.has(file)) return;
      for (const { to } of graph.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    };
    expect(() => {
      files.forEach((file) => {
        visit(file, []);
      });
    }).not.toThrow();
  });
});

describe('pure files', () => {
  it('exist', () => {
    expect(PURE.filter((file) => !files.includes(file))).toEqual([]);
  });

  it('import only pure files', () => {
    const offenders = imports
      .filter(({ from, typeOnly }) => PURE.includes(from) && !typeOnly)
      .filter(({ to }) => !PURE.includes(to) && !PURE_PACKAGES.includes(to));
    expect(offenders.map(show)).toEqual([]);
  });

  it('read no clock in decisions', () => {
    const source = readFileSync(join(SRC, 'calls/call.ts'), 'utf8');
    expect(source).not.toMatch(/Date\.now|new Date\(\)|random/i);
  });
});

it('only config.ts reads process.env', () => {
  const offenders = files
    .filter((file) => file !== 'config.ts')
    .filter((file) => /process\.env/.test(readFileSync(join(SRC, file), 'utf8')));
  expect(offenders).toEqual([]);
});

it('the core never shuts its eyes: no console, no TypeORM synchronize, no forwardRef, no request scope', () => {
  const offenders = files.filter((file) =>
    /console\.|synchronize: true|forwardRef|Scope\.REQUEST/.test(readFileSync(join(SRC, file), 'utf8')),
  );
  expect(offenders).toEqual([]);
});
