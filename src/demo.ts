import 'reflect-metadata';
import { createApplication, openConfiguredDatabase } from './application.js';
import { type Config, loadConfig } from './config.js';
import { DemoData } from './demo-data.js';
import { listenOn } from './listen.js';
import { createLog } from './platform/index.js';

/** `npm run demo`: a test call from the first line to the last, as a person would like to read it. */

const say = (text = ''): void => {
  process.stdout.write(`${text}\n`);
};
const isTerminal = process.stdout.isTTY;
const paint = (code: number) => (text: string) => (isTerminal ? `\u001b[${code}m${text}\u001b[0m` : text);
const [bold, dim, green, cyan, yellow] = [1, 2, 32, 36, 33].map(paint) as [Paint, Paint, Paint, Paint, Paint];
type Paint = (text: string) => string;

interface StreamedEvent {
  type: string;
  occurredAt: string;
  data: Record<string, unknown>;
}

const STEPS: Readonly<Record<string, (data: Record<string, unknown>) => string>> = {
  'call.queued': () => 'queued      stored, waiting for its turn',
  'call.deferred': ({ reason }) => `deferred    ${String(reason)}; it waits without losing an attempt`,
  'call.dialing': ({ attempt, provider }) => `dialing     attempt ${String(attempt)} through ${String(provider)}`,
  'call.ringing': () => 'ringing     the phone rings',
  'call.started': () => 'answered',
  'call.ended': ({ status, disconnectionReason }) => `ended       ${String(status)}: ${String(disconnectionReason)}`,
};

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
    toNumber: '+1234567890',
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
    const speaker = data['speaker'] === 'agent' ? cyan('  Agent     ') : yellow('  Customer  ');
    say(`  ${time}  ${speaker}${String(data['text'])}`);
  } else {
    say(`  ${time}  ${green('●')} ${STEPS[type]?.(data) ?? type}`);
  }
}

function conclude(call: Call, config: Config): void {
  say(
    `\n${bold('The call')} ${call.id}: ${call.status}, ${call.disconnectionReason ?? ''}, ${call.duration ?? 0} s of talk.`,
  );
  say(
    `\nNext: ${bold('npm start')} serves the API with the same data${config.databaseUrl ? '' : ` (${config.dataDir})`}; README.md has a tour.\n`,
  );
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
