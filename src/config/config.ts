import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { type Setting } from './setting.js';
import { SETTINGS } from './settings.js';

export { type Role } from './settings.js';

/** A setting that is unknown or malformed; the message is one line that names the variable and what it accepts. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type AnySetting = Setting<string, unknown, string | undefined>;
type Name = keyof typeof SETTINGS;
type Value<S> = S extends Setting<string, infer T, infer D> ? (undefined extends D ? T | undefined : T) : never;
/** The values of the table by their paths: `'sip.port': number`. */
type Flat = { [N in Name as (typeof SETTINGS)[N]['path']]: Value<(typeof SETTINGS)[N]> };
type Below<T, Head extends string> = { [K in keyof T as K extends `${Head}.${infer Rest}` ? Rest : never]: T[K] };
type Nested<T> = {
  [K in keyof T as K extends `${infer Head}.${string}` ? Head : K]: K extends `${infer Head}.${string}`
    ? Nested<Below<T, Head>>
    : T[K];
};
type Values = Nested<Flat>;

/** The provider of one stage of a conversation. Holds a key: never to be logged. */
interface Provider {
  kind: string;
  baseUrl?: string;
  apiKey?: string;
  model?: string;
  voice?: string;
}
type Stage = keyof Values['providers'];

/** The settings of a process. `sipCarrier`, `recordingsUrl`, `databaseUrl` and `providers` hold secrets: never to be logged. */
export type Config = Omit<Values, 'nodeEnv' | 'providers' | 'rates' | 'outbound'> & {
  /** Providers where an agent chooses none. Without all three stages agents make announcements. */
  providers: Partial<Record<Stage, Provider>>;
  rates: Values['rates'] & { telephonyPerMinute: number | undefined };
  outbound: Values['outbound'] & { httpsOnly: boolean };
};

/**
 * Reads the settings once from the environment and, for what it lacks, from `envFile`.
 * @throws ConfigError naming each variable that is malformed, and each name in the file that is no setting
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env, envFile = '.env'): Config {
  const fromFile = existsSync(envFile) ? parseEnv(readFileSync(envFile, 'utf8')) : {};
  const problems = Object.keys(fromFile)
    .filter((name) => !Object.hasOwn(SETTINGS, name))
    .map((name) => `${name} in ${envFile} is not a setting (.env.example lists them)`);
  const values: Record<string, unknown> = {};
  for (const [name, { path, parse, accepts, default: defaultText }] of Object.entries<AnySetting>(SETTINGS)) {
    const given = environment[name] || fromFile[name] || defaultText;
    const value = given === undefined ? undefined : parse(given);
    if (given !== undefined && value === undefined) problems.push(`${name} must be ${accepts}`);
    place(values, path.split('.'), value);
  }
  const config = values as unknown as Values;
  problems.push(...conflicts(config));
  if (problems.length > 0) throw new ConfigError(`Bad setting: ${problems.join('; ')}`);
  return complete(config);
}

function place(group: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head = '', ...rest] = path;
  if (rest.length === 0) group[head] = value;
  else place((group[head] ??= {}) as Record<string, unknown>, rest, value);
}

/** Settings that need each other. */
function conflicts({ nodeEnv, databaseUrl, recordingNotice, providers }: Values): string[] {
  const isSpoken = recordingNotice !== undefined && recordingNotice !== 'tone';
  return [
    ...(nodeEnv === 'production' && !databaseUrl ? ['DATABASE_URL is required with NODE_ENV=production'] : []),
    ...(isSpoken && !isEnabled(providers.speech)
      ? ['SPEECH_URL or SPEECH_API_KEY is required to speak RECORDING_NOTICE; or set it to tone']
      : []),
  ];
}

/** Adds what follows from several settings. */
function complete({ nodeEnv, providers, rates, outbound, ...config }: Values): Config {
  const { transcription, model, speech } = providers;
  // The default model and voice are those of OpenAI.
  const { model: _model, voice: _voice, ...otherSpeech } = speech;
  const stages = {
    transcription,
    model: { kind: 'openai', ...model },
    speech: speech.kind === 'openai' ? speech : otherSpeech,
  };
  return {
    ...config,
    providers: Object.fromEntries(
      Object.entries<Optional<Provider>>(stages)
        .filter(([, provider]) => isEnabled(provider))
        .map(([stage, provider]) => [stage, withoutUndefined(provider)]),
    ),
    rates: { ...rates, telephonyPerMinute: config.callCostPerMinute || undefined },
    outbound: { ...outbound, httpsOnly: nodeEnv === 'production' },
  };
}

type Optional<T> = { [K in keyof T]?: T[K] | undefined };

const isEnabled = ({ baseUrl, apiKey }: Optional<Provider>): boolean => baseUrl !== undefined || apiKey !== undefined;

const withoutUndefined = (given: object): object =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));

/** The text of `.env.example`. */
export function envExample(): string {
  const blocks = Object.entries<AnySetting>(SETTINGS).map(
    ([name, { description, accepts, default: defaultText }]) =>
      `# ${description}\n# Accepts ${accepts}.\n# ${name}=${defaultText ?? ''}\n`,
  );
  return `# Settings. Copy to .env, or set them in the environment, which wins. Shown are the defaults.\n\n${blocks.join('\n')}`;
}

/** The text of `docs/settings.md`. */
export function settingsPage(): string {
  const rows = Object.entries<AnySetting>(SETTINGS).map(
    ([name, { description, accepts, default: defaultText }]) =>
      `| \`${name}\` | ${defaultText ? `\`${defaultText}\`` : ''} | ${description} Accepts ${accepts}. |`,
  );
  return [
    '# Settings',
    '',
    'Generated from `src/config/settings.ts` by `npm run generate`. Settings come from the environment or a `.env` file; the environment wins.',
    '',
    '| setting | default | meaning |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
