import 'reflect-metadata';
import { createApplication, openConfiguredDatabase } from './app/application.js';
import { type Config, loadConfig } from './config/config.js';
import { DemoData } from './app/demo-data.js';
import { listenOn } from './app/listen.js';
import { createLog } from './lib/platform/index.js';
import { SIMULATOR_NUMBERS } from './telephony/index.js';

/** `npm run demo`: a test call from the first line to the last, as a person would like to read it. */

const say = (text = ''): void => {
  process.stdout.write(`${text}\n`);
};
const isTerminal = process.stdout.isTTY;
const paint = (code: number) => (text: string) => (isTerminal ? `\u001b[${code}m${text}\u001b[0m` : text);
const [bold, dim, green, cyan, yellow] = [1, 2, 32, 36, 33].map(paint) as [Paint, Paint, Paint, Paint, Paint];
type Paint = (text: string) => string;

type Data = Record<string, unknown>;

interface StreamedEvent {
  type: string;
  occurredAt: string;
  data: Data;
}

const word = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
const field = (data: Data, name: string): Data => (data[name] ?? {}) as Data;
/** `reason: "done", to: "+1"` */
const listed = (values: unknown): string =>
  values === null || typeof values !== 'object'
    ? word(values ?? '')
    : Object.entries(values)
        .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
        .join(', ');

/** A line per type of event: its name and its details. An event without a line shows its type. */
const STEPS: Readonly<Record<string, (data: Data) => [what: string, how: string]>> = {
  'call.queued': () => ['queued', 'stored, waiting for its turn'],
  'call.deferred': ({ reason }) => ['deferred', `${word(reason)}; it waits without losing an attempt`],
  'call.dialing': ({ attempt, provider }) => ['dialing', `attempt ${word(attempt)} through ${word(provider)}`],
  'call.ringing': () => ['ringing', 'the phone rings'],
  'call.started': () => ['answered', ''],
  'call.answered_by': ({ by, reason }) => ['heard', `${word(by)}, by its ${word(reason).replaceAll('_', ' ')}`],
  'call.tool_used': (data) => ['tool', toolUse(data)],
  'call.transferred': ({ to }) => ['transferred', `to ${word(to)}`],
  'call.ended': ({ status, disconnectionReason }) => ['ended', `${word(status)}: ${word(disconnectionReason)}`],
};

function toolUse({ name, arguments: given, result, error, ms }: Data): string {
  const outcome = error == null ? `→ ${word(result ?? 'done')}` : `failed: ${word(error)}`;
  return `${word(name)}(${listed(given)}) ${outcome} ${dim(milliseconds(ms))}`;
}

const milliseconds = (ms: unknown): string => (typeof ms === 'number' ? `${Math.round(ms)} ms` : '');
const column = (text: string): string => text.padEnd(12);

async function main(): Promise<void> {
  const config = loadConfig();
  say(bold('\nOutdial: one AI phone call, in test mode\n'));
  say(dim(`Starting the server and its database (${config.databaseUrl ? 'DATABASE_URL' : config.dataDir}) …`));
  const database = await openConfiguredDatabase(config);
  try {
    const app = await createApplication(config, database, createLog('error'));
    try {
      const url = await listenOn(app, config);
      await demonstrate(url, await app.get(DemoData).ensure(), config);
    } finally {
      await app.close();
    }
  } finally {
    await database.close();
  }
}

async function demonstrate(url: string, demo: Awaited<ReturnType<DemoData['ensure']>>, config: Config): Promise<void> {
  const headers = { authorization: `Bearer ${demo.testKey}`, 'content-type': 'application/json' };
  const request = {
    agentId: demo.agentId,
    toNumber: process.argv[2] ?? '+1234567890',
    fromNumber: demo.fromNumber,
    customerName: 'John Doe',
    dynamicVariables: { company: 'Acme Corp', purpose: 'Follow-up on quote' },
  };
  say(dim(`POST ${url}/v1/calls`));
  say(dim(`  ${JSON.stringify(request)}\n`));
  const created = await fetch(`${url}/v1/calls`, { method: 'POST', headers, body: JSON.stringify(request) });
  if (!created.ok) throw new Error(`The call was not accepted: ${await created.text()}`);
  const { data } = (await created.json()) as { data: { id: string } };
  await watch(`${url}/v1/calls/${data.id}/stream`, headers);
  const call = (await (await fetch(`${url}/v1/calls/${data.id}`, { headers })).json()) as { data: Call };
  conclude(call.data, config);
}

interface Call {
  id: string;
  status: string;
  duration: number | null;
  disconnectionReason: string | null;
  summary: string | null;
}

/** Prints the events of a call while they happen, until it ends. */
async function watch(url: string, headers: Record<string, string>): Promise<void> {
  const response = await fetch(url, { headers });
  if (!response.ok || !response.body) throw new Error(`The stream did not open: ${await response.text()}`);
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const messages = text.split('\n\n');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const line = message.split('\n').find((each) => each.startsWith('data: '));
      if (line) show(JSON.parse(line.slice('data: '.length)) as StreamedEvent);
    }
  }
}

function show({ type, occurredAt, data }: StreamedEvent): void {
  const time = dim(occurredAt.slice(11, 23));
  if (type === 'call.turn') {
    say(`  ${time}    ${turn(data)}`);
    return;
  }
  const [what, how] = STEPS[type]?.(data) ?? [type, ''];
  say(`  ${time}  ${green('●')} ${column(what)}${how}`.trimEnd());
}

/** What was said, with a dash where the other side broke in, and how long the customer waited for it. */
function turn(data: Data): string {
  const speaker = data['speaker'] === 'agent' ? cyan(column('Agent')) : yellow(column('Customer'));
  const interrupted = data['interrupted'] === true ? ` ${dim('— interrupted')}` : '';
  const { totalMs } = field(data, 'latency');
  const waited = typeof totalMs === 'number' ? `  ${dim(`after ${milliseconds(totalMs)}`)}` : '';
  return `${speaker}${word(data['text'])}${interrupted}${waited}`;
}

function conclude(call: Call, config: Config): void {
  const { id, status, disconnectionReason, duration, summary } = call;
  say(`\n${bold('The call')} ${id}: ${status}, ${disconnectionReason ?? ''}, ${duration ?? 0} s of talk.`);
  if (summary) say(`${bold('Summary')} ${summary}`);
  say(`\n${bold('Next')}`);
  say(`  ${column('npm start')}serves the API with the same data${config.databaseUrl ? '' : ` (${config.dataDir})`}`);
  say('  More test numbers:');
  for (const { number, title } of SIMULATOR_NUMBERS.filter((one) => WORTH_A_CALL.includes(one.number)))
    say(`    npm run demo -- ${number}   ${dim(title)}`);
  say(`  ${dim('docs/tour.md continues from here; docs/test-numbers.md lists all test numbers.')}\n`);
}

/** A caller who interrupts, one who asks for a person, one who presses keys, and a voicemail. */
const WORTH_A_CALL = ['+15550000006', '+15550000015', '+15550000017', '+15550000018'];

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
