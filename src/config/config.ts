import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseEnv } from 'node:util';
import { type RateCard } from '../calls/cost.js';
import { parseS3Location, type S3Location } from '../recordings/s3-location.js';
import { type Network, parseNetwork, parseEncryptionKey } from '../lib/platform/index.js';
import { type SipCarrier } from '../carriers/sip-carrier.js';
import { parseSipCarrier } from '../carriers/sip-carrier-setting.js';

/** A setting that is unknown or malformed; the message is one line that names the variable and what it accepts. */
export class ConfigError extends Error {}

const ROLES = ['api', 'worker'] as const;
/** A part of the application that a process can run. */
export type Role = (typeof ROLES)[number];

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

interface Setting<T> {
  /** The text that an absent variable stands for; undefined leaves the setting out. */
  fallback?: string;
  describe: string;
  /** Returns the value, or undefined when the text is malformed. */
  parse: (text: string) => T | undefined;
  accepts: string;
}

const text = { parse: (value: string) => value, accepts: 'text' };
const integer = (min: number, max: number) => ({
  parse: (value: string) =>
    /^\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max ? Number(value) : undefined,
  accepts: `a whole number from ${min} to ${max}`,
});
const oneOf = <T extends string>(allowed: readonly T[]) => ({
  parse: (value: string) => allowed.find((candidate) => candidate === value),
  accepts: `one of ${allowed.join(', ')}`,
});
const listOf = <T>(parseItem: (item: string) => T | undefined, accepts: string) => ({
  parse: (value: string) => {
    const items = value.split(',').map((item) => parseItem(item.trim()));
    return items.every((item) => item !== undefined) ? items : undefined;
  },
  accepts,
});
const url = (...protocols: string[]) => ({
  parse: (value: string) => (URL.canParse(value) && protocols.includes(new URL(value).protocol) ? value : undefined),
  accepts: `an address like ${protocols[0] ?? ''}//…`,
});
const portRange = (value: string) => {
  const [, min = '', max = ''] = /^(\d{1,5})-(\d{1,5})$/.exec(value) ?? [];
  const ports = { min: Number(min), max: Number(max) };
  return min && ports.min >= 1024 && ports.max <= 65_535 && ports.max > ports.min ? ports : undefined;
};
const price = {
  parse: (value: string) => (/^\d{1,6}(\.\d{1,6})?$/.test(value) ? Number(value) : undefined),
  accepts: 'a price like 0.012',
};
const address = (value: string) => (isIP(value) ? value : undefined);
const origin = (value: string) =>
  value === '*' || (URL.canParse(value) && new URL(value).origin === value) ? value : undefined;

function setting<T>(
  describe: string,
  kind: { parse: (text: string) => T | undefined; accepts: string },
  fallback?: string,
): Setting<T> {
  return { describe, ...kind, ...(fallback === undefined ? {} : { fallback }) };
}

/** Every setting there is: variable, meaning, form, default. `.env.example` and the README list are checked against it. */
export const SETTINGS = {
  HOST: setting('Address to listen on; 0.0.0.0 serves the network.', text, '127.0.0.1'),
  PORT: setting('Port to listen on; 0 picks a free one.', integer(0, 65_535), '3000'),
  DATA_DIR: setting('Folder for the embedded database and recordings.', text, '.data'),
  DATABASE_URL: setting(
    'PostgreSQL 16 or newer. Without it an embedded PostgreSQL runs in DATA_DIR; NODE_ENV=production requires it.',
    url('postgres:', 'postgresql:'),
  ),
  DATABASE_POOL_SIZE: setting('Connections this process may open to the database.', integer(4, 200), '20'),
  ENCRYPTION_KEY: setting(
    "Encrypts carriers' passwords and signs links to recordings. The embedded database has a key of its own in DATA_DIR.",
    { parse: parseEncryptionKey, accepts: '32 bytes in base64 or hexadecimal (openssl rand -base64 32)' },
  ),
  REDIS_URL: setting('Redis for the queue. Without it the queue lives in PostgreSQL.', url('redis:', 'rediss:')),
  ROLES: setting(
    'What this process does: serve the API, do the background work, or both.',
    listOf((item) => ROLES.find((role) => role === item), 'api, worker, or api,worker'),
    'api,worker',
  ),
  RATE_LIMIT_PER_MINUTE: setting(
    'Requests a key may make a minute unless the key says otherwise; 0 is no limit.',
    integer(0, 1_000_000_000),
    '300',
  ),
  MAX_CONCURRENT_CALLS: setting(
    'Calls under way at once in an organization and environment, unless it has a limit of its own; 0 is no limit.',
    integer(0, 1_000_000),
    '20',
  ),
  MAX_CONCURRENT_CALLS_PER_NUMBER: setting(
    'Calls under way at once from one number, unless it has a limit of its own; 0 is no limit.',
    integer(0, 1_000_000),
    '0',
  ),
  SIP_CARRIER: setting(
    'The SIP trunk for live calls from numbers without a carrier; several, comma separated, are tried in order.',
    {
      parse: parseSipCarrier,
      accepts: 'URIs like sip:user:password@sip.example.com:5060;transport=udp (tcp, tls), percent-encoded',
    },
  ),
  SIP_ADDRESS: setting(
    'Address of this machine to send SIP and RTP from. Without it, the one that the routing table has for the carrier.',
    { parse: address, accepts: 'an IPv4 or IPv6 address' },
  ),
  SIP_PORT: setting('UDP and TCP port of SIP; 0 picks a free one.', integer(0, 65_535), '0'),
  SIP_PUBLIC_ADDRESS: setting('The address that carriers reach this machine at, behind NAT.', {
    parse: address,
    accepts: 'an IPv4 or IPv6 address',
  }),
  RTP_PORTS: setting('UDP ports of audio, two for each call. Without it, any free ones.', {
    parse: portRange,
    accepts: 'a range like 10000-20000',
  }),
  MEDIA_TIMEOUT_SECONDS: setting(
    'How long the far end of a call may be silent, not on hold, before the call ends as lost.',
    integer(2, 3_600),
    '15',
  ),
  RECORDINGS_URL: setting(
    'A bucket of an S3-compatible server for recordings. Without it they are kept in DATA_DIR/recordings.',
    { parse: parseS3Location, accepts: 'an address like https://KEY:SECRET@host/bucket/prefix?region=eu-central-1' },
  ),
  RECORDING_RETENTION_DAYS: setting('When to delete recordings; 0 keeps them.', integer(0, 36_500), '0'),
  RECORDING_NOTICE: setting(
    'What is played first in a call that is recorded: tone, or words to be spoken. Without it nothing.',
    text,
  ),
  TRANSCRIPTION_PROVIDER: setting('Who hears.', oneOf(['openai', 'deepgram']), 'openai'),
  TRANSCRIPTION_URL: setting(
    'Its address, with version; any server with the API of OpenAI will do. Without it the vendor itself.',
    url('https:', 'http:'),
  ),
  TRANSCRIPTION_API_KEY: setting('The key for it. With an address or a key, agents hear.', text),
  TRANSCRIPTION_MODEL: setting('The model that hears. Without it the usual one of the provider.', text),
  MODEL_URL: setting('A server with the chat API of OpenAI, with version, where agents think.', url('https:', 'http:')),
  MODEL_API_KEY: setting('The key for it. With an address or a key, agents think.', text),
  MODEL_NAME: setting('The language model. Without it the usual one.', text),
  SPEECH_PROVIDER: setting('Who speaks in conversations.', oneOf(['openai', 'deepgram']), 'openai'),
  SPEECH_URL: setting(
    'A server with the speech API of OpenAI, which says what agents have to say.',
    url('https:', 'http:'),
  ),
  SPEECH_API_KEY: setting('The key for it.', text),
  SPEECH_MODEL: setting('The model that speaks.', text, 'gpt-4o-mini-tts'),
  SPEECH_VOICE: setting('The voice of agents that have none.', text, 'alloy'),
  CALL_COST_PER_MINUTE: setting(
    'What a minute of a live call costs, for its costs and the daily limit of the dialling policy; 0 means not known.',
    price,
    '0',
  ),
  TRANSCRIPTION_COST_PER_MINUTE: setting(
    'What a minute of transcribed speech costs, for the costs of calls. Without it that is not known; 0 is free.',
    price,
  ),
  MODEL_COST_PER_MILLION_INPUT_TOKENS: setting('What the language model costs for what it reads.', price),
  MODEL_COST_PER_MILLION_OUTPUT_TOKENS: setting('What the language model costs for what it writes.', price),
  SPEECH_COST_PER_MILLION_CHARACTERS: setting('What it costs to speak.', price),
  COST_CURRENCY: setting('The currency of all costs, told with them.', {
    parse: (value: string) => (/^[A-Z]{3}$/.test(value) ? value : undefined),
    accepts: 'a code of three letters like USD',
  }),
  CALLS_PER_SECOND: setting('New calls of a carrier in any second; 0 is no limit.', integer(0, 100_000), '10'),
  RING_TIMEOUT_SECONDS: setting('How long a phone rings before the call ends as not answered.', integer(1, 600), '45'),
  MAX_CALL_DURATION_SECONDS: setting('How long a call may last from answer to end.', integer(1, 86_400), '3600'),
  LEASE_SECONDS: setting(
    'How long a worker may give no sign of life before others take its calls over.',
    integer(1, 20),
    '12',
  ),
  SIMULATOR_SPEED: setting('How many times faster than real time simulated calls run.', integer(1, 1_000_000), '1'),
  PUBLIC_URL: setting(
    'Where clients reach this server, for links in answers. Without it, the address it listens on.',
    url('https:', 'http:'),
  ),
  CORS_ORIGINS: setting(
    'Web origins whose pages may call the API, comma separated, or *. Without it none may.',
    listOf(origin, 'origins like https://app.example.com, comma separated, or *'),
  ),
  PRIVATE_NETWORKS: setting(
    'Private addresses that webhooks and tools may reach, comma separated. Without it none: only the internet.',
    listOf(parseNetwork, 'networks or addresses like 10.0.0.0/8, comma separated'),
  ),
  WEBHOOK_RETRY_SECONDS: setting(
    'Waits before a webhook is tried again, comma separated; after the last one it has failed.',
    listOf((item) => integer(0, 86_400).parse(item), 'whole numbers from 0 to 86400, comma separated'),
    '5,30,120,600,1800',
  ),
  WEBHOOK_ANALYSIS_WAIT_SECONDS: setting(
    'How long call.ended waits for the summary of its call; what comes later comes with call.analyzed.',
    integer(0, 3_600),
    '60',
  ),
  WEBHOOK_RETENTION_DAYS: setting(
    'When to forget webhooks that were delivered or failed; 0 keeps them.',
    integer(0, 36_500),
    '30',
  ),
  LOG_LEVEL: setting('The least severe log line to write.', oneOf(LOG_LEVELS), 'info'),
  NODE_ENV: setting(
    'production turns the embedded database off, and has webhooks and tools use https only.',
    oneOf(['development', 'test', 'production']),
    'development',
  ),
} satisfies Record<string, Setting<unknown>>;

type Name = keyof typeof SETTINGS;
type Value<N extends Name> = (typeof SETTINGS)[N] extends Setting<infer T> ? T : never;

/** Who does a stage of a conversation. */
interface Provider {
  kind: string;
  baseUrl?: string;
  apiKey?: string;
  model?: string;
  voice?: string;
}

export interface Config {
  host: string;
  port: number;
  dataDir: string;
  databaseUrl: string | undefined;
  databasePoolSize: number;
  encryptionKey: Buffer | undefined;
  redisUrl: string | undefined;
  roles: readonly Role[];
  maxConcurrentCalls: number;
  maxConcurrentCallsPerNumber: number;
  /** The carrier of numbers that have none. Holds a password: never to be logged. */
  sipCarrier: SipCarrier | undefined;
  sip: {
    address: string | undefined;
    port: number;
    publicAddress: string | undefined;
    rtpPorts: { min: number; max: number } | undefined;
    mediaTimeoutMs: number;
  };
  /** Holds a secret: never to be logged. */
  recordingsUrl: S3Location | undefined;
  recordingRetentionDays: number;
  recordingNotice: string | undefined;
  /** Who hears, thinks and speaks where agents name nobody else; without all three they make announcements. Hold keys. */
  providers: { transcription?: Provider; model?: Provider; speech?: Provider };
  /** 0: not known. */
  callCostPerMinute: number;
  rates: RateCard;
  publicUrl: string | undefined;
  callsPerSecond: number;
  ringTimeoutMs: number;
  maxCallDurationMs: number;
  leaseMs: number;
  simulatorSpeed: number;
  rateLimitPerMinute: number;
  corsOrigins: readonly string[] | undefined;
  /** What requests to addresses of customers may reach although it is not public, and whether they must be https. */
  outbound: { allowNetworks: readonly Network[]; httpsOnly: boolean };
  webhooks: { retryMs: readonly number[]; analysisWaitMs: number; retentionDays: number };
  logLevel: (typeof LOG_LEVELS)[number];
}

/**
 * Reads the settings once from the environment and, for what it lacks, from `envFile`.
 * @throws ConfigError naming each variable that is malformed, and each name in the file that is no setting
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env, envFile = '.env'): Config {
  const fromFile = existsSync(envFile) ? parseEnv(readFileSync(envFile, 'utf8')) : {};
  const problems = Object.keys(fromFile)
    .filter((name) => !Object.hasOwn(SETTINGS, name))
    .map((name) => `${name} in ${envFile} is not a setting (.env.example lists them)`);
  const read = <N extends Name>(name: N): Value<N> | undefined => {
    const { parse, accepts, fallback } = SETTINGS[name] as Setting<Value<N>>;
    const given = environment[name] || fromFile[name] || fallback;
    if (given === undefined) return undefined;
    const value = parse(given);
    if (value === undefined) problems.push(`${name} must be ${accepts}`);
    return value;
  };
  const values = Object.fromEntries((Object.keys(SETTINGS) as Name[]).map((name) => [name, read(name)])) as {
    [N in Name]: Value<N>;
  };
  if (values.NODE_ENV === 'production' && !values.DATABASE_URL)
    problems.push('DATABASE_URL is required with NODE_ENV=production');
  if (isSpoken(values.RECORDING_NOTICE) && !values.SPEECH_URL && !values.SPEECH_API_KEY)
    problems.push('SPEECH_URL or SPEECH_API_KEY is required to speak RECORDING_NOTICE; or set it to tone');
  if (problems.length > 0) throw new ConfigError(`Bad setting: ${problems.join('; ')}`);
  return {
    host: values.HOST,
    port: values.PORT,
    dataDir: values.DATA_DIR,
    databaseUrl: values.DATABASE_URL,
    databasePoolSize: values.DATABASE_POOL_SIZE,
    encryptionKey: values.ENCRYPTION_KEY,
    redisUrl: values.REDIS_URL,
    roles: values.ROLES,
    maxConcurrentCalls: values.MAX_CONCURRENT_CALLS,
    maxConcurrentCallsPerNumber: values.MAX_CONCURRENT_CALLS_PER_NUMBER,
    sipCarrier: values.SIP_CARRIER,
    sip: {
      address: values.SIP_ADDRESS,
      port: values.SIP_PORT,
      publicAddress: values.SIP_PUBLIC_ADDRESS,
      rtpPorts: values.RTP_PORTS,
      mediaTimeoutMs: values.MEDIA_TIMEOUT_SECONDS * 1000,
    },
    recordingsUrl: values.RECORDINGS_URL,
    recordingRetentionDays: values.RECORDING_RETENTION_DAYS,
    recordingNotice: values.RECORDING_NOTICE,
    providers: {
      ...provider('transcription', {
        kind: values.TRANSCRIPTION_PROVIDER,
        baseUrl: values.TRANSCRIPTION_URL,
        apiKey: values.TRANSCRIPTION_API_KEY,
        model: values.TRANSCRIPTION_MODEL,
      }),
      ...provider('model', {
        kind: 'openai',
        baseUrl: values.MODEL_URL,
        apiKey: values.MODEL_API_KEY,
        model: values.MODEL_NAME,
      }),
      ...provider('speech', {
        kind: values.SPEECH_PROVIDER,
        baseUrl: values.SPEECH_URL,
        apiKey: values.SPEECH_API_KEY,
        // The defaults are those of OpenAI.
        ...(values.SPEECH_PROVIDER === 'openai' ? { model: values.SPEECH_MODEL, voice: values.SPEECH_VOICE } : {}),
      }),
    },
    callCostPerMinute: values.CALL_COST_PER_MINUTE,
    rates: {
      currency: values.COST_CURRENCY,
      telephonyPerMinute: values.CALL_COST_PER_MINUTE || undefined,
      transcriptionPerMinute: values.TRANSCRIPTION_COST_PER_MINUTE,
      modelPerMillionInputTokens: values.MODEL_COST_PER_MILLION_INPUT_TOKENS,
      modelPerMillionOutputTokens: values.MODEL_COST_PER_MILLION_OUTPUT_TOKENS,
      speechPerMillionCharacters: values.SPEECH_COST_PER_MILLION_CHARACTERS,
    },
    publicUrl: withoutSlash(values.PUBLIC_URL),
    callsPerSecond: values.CALLS_PER_SECOND,
    ringTimeoutMs: values.RING_TIMEOUT_SECONDS * 1000,
    maxCallDurationMs: values.MAX_CALL_DURATION_SECONDS * 1000,
    leaseMs: values.LEASE_SECONDS * 1000,
    simulatorSpeed: values.SIMULATOR_SPEED,
    rateLimitPerMinute: values.RATE_LIMIT_PER_MINUTE,
    corsOrigins: values.CORS_ORIGINS,
    outbound: {
      allowNetworks: orNone(values.PRIVATE_NETWORKS),
      httpsOnly: values.NODE_ENV === 'production',
    },
    webhooks: {
      retryMs: values.WEBHOOK_RETRY_SECONDS.map((seconds) => seconds * 1000),
      analysisWaitMs: values.WEBHOOK_ANALYSIS_WAIT_SECONDS * 1000,
      retentionDays: values.WEBHOOK_RETENTION_DAYS,
    },
    logLevel: values.LOG_LEVEL,
  };
}

const isSpoken = (notice: string | undefined): boolean => notice !== undefined && notice !== 'tone';
const orNone = <T>(list: readonly T[] | undefined): readonly T[] => list ?? [];
const withoutSlash = (address: string | undefined): string | undefined => address?.replace(/\/+$/, '');

/** Nobody, unless an address or a key is given. */
function provider<Stage extends string>(
  stage: Stage,
  given: { [Field in keyof Provider]: Provider[Field] | undefined } & { kind: string },
): Partial<Record<Stage, Provider>> {
  if (given.baseUrl === undefined && given.apiKey === undefined) return {};
  const entries: [string, string | undefined][] = Object.entries(given);
  const fields = entries.filter(([, value]) => value !== undefined);
  return { [stage]: Object.fromEntries(fields) } as unknown as Record<Stage, Provider>;
}

/** The text of `.env.example`. */
export function envExample(): string {
  const blocks = Object.entries(SETTINGS as Record<string, Setting<unknown>>).map(
    ([name, { describe, accepts, fallback }]) => `# ${describe}\n# Accepts ${accepts}.\n# ${name}=${fallback ?? ''}\n`,
  );
  return `# Settings. Copy to .env, or set them in the environment, which wins. Shown are the defaults.\n\n${blocks.join('\n')}`;
}
