import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

/** What each room may import (docs/architecture.md). `lib` stands for every room of the library. */
const LIB = ['lib/platform', 'lib/embedded-postgres', 'lib/event-store', 'lib/audio', 'lib/sip', 'lib/media'];
const FOR_CALLS = [...LIB, 'api-keys', 'agents', 'carriers'];
const FOR_SESSIONS = [
  ...FOR_CALLS,
  ...['calls', 'voice', 'telephony', 'knowledge', 'provider-accounts', 'recordings', 'compliance'],
];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'lib/platform': [],
  'lib/embedded-postgres': ['lib/platform'],
  'lib/event-store': ['lib/platform'],
  'lib/audio': ['lib/platform'],
  'lib/sip': ['lib/platform', 'lib/media'],
  'lib/media': ['lib/platform', 'lib/audio'],
  // The parsers of their settings.
  config: [...LIB, 'carriers', 'recordings'],
  'api-keys': LIB,
  'provider-accounts': [...LIB, 'api-keys'],
  knowledge: [...LIB, 'api-keys'],
  carriers: [...LIB, 'api-keys'],
  compliance: [...LIB, 'api-keys', 'carriers'],
  voice: LIB,
  agents: [...LIB, 'api-keys', 'provider-accounts', 'knowledge', 'voice'],
  telephony: [...LIB, 'carriers'],
  calls: FOR_CALLS,
  recordings: [...FOR_CALLS, 'calls'],
  analysis: [...FOR_CALLS, 'calls', 'provider-accounts', 'voice'],
  sessions: FOR_SESSIONS,
  dialing: [...FOR_SESSIONS, 'sessions'],
  webhooks: [...LIB, 'api-keys', 'calls'],
};

/** Files that must stay free of clocks, databases and frameworks. They may import each other across rooms (ADR 3). */
const PURE = [
  'config/setting.ts',
  'config/settings.ts',
  'lib/platform/encryption-key.ts',
  'lib/platform/http-client/network.ts',
  'analysis/analysis-prompt.ts',
  'api-keys/api-key.ts',
  'calls/call-events.ts',
  'calls/call-row.ts',
  'calls/call-state.ts',
  'calls/call.ts',
  'calls/cost.ts',
  'calls/disconnection-reasons.ts',
  'calls/event-ingest/cloud-event.ts',
  'calls/queries/call-counts.ts',
  'calls/queries/call-latency.ts',
  'calls/recording-signature.ts',
  'carriers/sip-carrier-setting.ts',
  'carriers/sip-carrier.ts',
  'compliance/calling-hours.ts',
  'compliance/dialling-policy.ts',
  'knowledge/chunk-text.ts',
  'knowledge/citation-text.ts',
  'knowledge/pdf-text.ts',
  'knowledge/text-search.ts',
  'lib/audio/audio-port.ts',
  'lib/audio/g711.ts',
  'lib/audio/frames.ts',
  'lib/audio/noise-floor.ts',
  'lib/audio/resampler.ts',
  'lib/audio/tone-bank.ts',
  'lib/audio/voice-activity.ts',
  'lib/media/media-types.ts',
  'lib/media/rtcp/call-quality.ts',
  'lib/media/rtcp/rtcp.ts',
  'lib/media/rtp/rtp-packet.ts',
  'lib/media/srtp/srtp.ts',
  'lib/platform/async/batcher.ts',
  'lib/platform/errors/domain-error.ts',
  'lib/platform/http/pagination.ts',
  'lib/platform/http/reply.ts',
  'lib/platform/json-schema/json-schema.ts',
  'lib/platform/json/plain-json.ts',
  'lib/platform/errors/message-of.ts',
  'lib/platform/templates/templates.ts',
  'lib/platform/timestamps.ts',
  'lib/sip/message/digest.ts',
  'lib/sip/message/host.ts',
  'lib/sip/message/name-addr.ts',
  'lib/sip/message/sip-text.ts',
  'lib/sip/message/sip-uri.ts',
  'lib/sip/message/via.ts',
  'lib/sip/sdp/sdp-parse.ts',
  'lib/sip/sdp/sdp.ts',
  'lib/sip/sip-types.ts',
  'provider-accounts/plain-url.ts',
  'recordings/s3-location.ts',
  'telephony/provider.ts',
  'telephony/simulator/timed-signals.ts',
  'telephony/simulator/simulator-numbers.ts',
  'telephony/simulator/due-signals.ts',
  'telephony/sip-trunk/sip-reasons.ts',
  'webhooks/payload.ts',
  'webhooks/retry-schedule.ts',
  'webhooks/signature.ts',
  'webhooks/webhook-events.ts',
];

/** What a pure file may take from outside: functions without state or side effects that others can see. */
const PURE_PACKAGES = ['mustache', 'node:crypto', 'node:net', 'node:zlib'];

const SRC = resolve('src');

interface Import {
  from: string;
  to: string;
  /** Erased when compiled. */
  typeOnly: boolean;
  names: readonly string[];
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
    return [{ from: file, to, typeOnly: isTypeOnly(statement), names: namesOf(statement) }];
  });
}

function namesOf(statement: ts.ImportDeclaration | ts.ExportDeclaration): string[] {
  const named = ts.isImportDeclaration(statement) ? statement.importClause?.namedBindings : statement.exportClause;
  if (!named || ts.isNamespaceImport(named) || ts.isNamespaceExport(named)) return [];
  return named.elements.map((element) => (element.propertyName ?? element.name).text);
}

const exportedNames = (door: string): string[] =>
  imports.filter(({ from }) => from === door).flatMap(({ names }) => names);

function isTypeOnly(statement: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(statement)) return statement.isTypeOnly;
  const clause = statement.importClause;
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings && ts.isNamedImports(clause.namedBindings) ? clause.namedBindings.elements : [];
  return !clause.name && named.length > 0 && named.every((element) => element.isTypeOnly);
}

/** The folder of the table that a file stands in; `app` for what puts the rooms together. */
const roomOf = (file: string): string => {
  const [first = '', second = ''] = file.split('/');
  if (!file.includes('/')) return 'app';
  return first === 'lib' ? `lib/${second}` : first;
};
/** The folder inside the room, or none. */
const folderOf = (file: string): string =>
  file.slice(roomOf(file).length + 1).includes('/') ? (file.slice(roomOf(file).length + 1).split('/')[0] ?? '') : '';
const isLocal = (to: string): boolean => files.includes(to);
const local = imports.filter(({ to }) => isLocal(to));
const between = local.filter(({ from, to }) => roomOf(from) !== roomOf(to));
const show = ({ from, to }: Import): string => `${from} -> ${to}`;

describe('rooms', () => {
  it('are those of the table', () => {
    const rooms = [...new Set(files.map(roomOf))].filter((room) => room !== 'app');
    expect(rooms.filter((room) => !(room in MAY_IMPORT))).toEqual([]);
    expect(Object.keys(MAY_IMPORT).filter((room) => !rooms.includes(room))).toEqual([]);
  });

  it('import only what the table allows, and the types of config', () => {
    const offenders = between
      .filter(({ from }) => roomOf(from) !== 'app')
      .filter(({ from, to }) => !MAY_IMPORT[roomOf(from)]?.includes(roomOf(to)))
      .filter(({ from, to }) => roomOf(to) !== 'config' || roomOf(from).startsWith('lib/'));
    expect(offenders.map(show)).toEqual([]);
  });

  it('are entered through index.ts only, pure files of pure files and config aside', () => {
    const offenders = between
      .filter(({ to }) => !['app', 'config'].includes(roomOf(to)) && to !== `${roomOf(to)}/index.ts`)
      .filter(({ from, to }) => !(PURE.includes(from) && PURE.includes(to)));
    expect(offenders.map(show)).toEqual([]);
  });

  it('have doors that export what other rooms use, and no more', () => {
    const unused = files
      .filter((file) => file === `${roomOf(file)}/index.ts`)
      .flatMap((door) => exportedNames(door).map((name) => ({ door, name })))
      .filter(({ door, name }) => !imports.some(({ to, names }) => to === door && names.includes(name)));
    expect(unused.map(({ door, name }) => `${door}: ${name}`)).toEqual([]);
  });

  it('have folders inside of which no two import each other', () => {
    const pairs = new Map<string, string>();
    for (const i of local)
      if (roomOf(i.from) === roomOf(i.to) && folderOf(i.from) && folderOf(i.to) && folderOf(i.from) !== folderOf(i.to))
        pairs.set(`${roomOf(i.from)}: ${folderOf(i.from)} -> ${folderOf(i.to)}`, show(i));
    const mutual = [...pairs].filter(([pair]) => {
      const [room = '', way = ''] = pair.split(': ');
      const [a = '', b = ''] = way.split(' -> ');
      return pairs.has(`${room}: ${b} -> ${a}`);
    });
    expect(mutual.map(([pair, example]) => `${pair} (${example})`)).toEqual([]);
  });

  it('have no cycles between files', () => {
    const graph = new Map(files.map((file) => [file, local.filter((i) => i.from === file)]));
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
    for (const file of ['calls/call.ts', 'calls/call-state.ts'])
      expect(readFileSync(join(SRC, file), 'utf8')).not.toMatch(/Date\.now|new Date\(\)|random/i);
  });
});

it('only config reads process.env', () => {
  const offenders = files
    .filter((file) => file !== 'config/config.ts')
    .filter((file) => /process\.env/.test(readFileSync(join(SRC, file), 'utf8')));
  expect(offenders).toEqual([]);
});

it('the source has no console, TypeORM synchronize, forwardRef or request scope', () => {
  const offenders = files.filter((file) =>
    /console\.|synchronize: true|forwardRef|Scope\.REQUEST/.test(readFileSync(join(SRC, file), 'utf8')),
  );
  expect(offenders).toEqual([]);
});

it('every class of errors sets its name', () => {
  const offenders = files
    .flatMap((file) => readFileSync(join(SRC, file), 'utf8').split(/(?=\bclass \w+)/))
    .filter(
      (text) => /^class \w+ extends \w*Error \{/.test(text) && !/^[^{]*\{\n {2}override readonly name = /.test(text),
    )
    .map((text) => text.split('\n', 1)[0]);
  expect(offenders).toEqual([]);
});
