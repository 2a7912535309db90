import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError, envExample, loadConfig } from './config.js';
import { SETTINGS } from './settings.js';

const NO_FILE = '/dev/null';
const load = (environment: NodeJS.ProcessEnv) => loadConfig(environment, NO_FILE);

describe('loadConfig', () => {
  it('has a default for every setting', () => {
    expect(load({})).toEqual({
      host: '127.0.0.1',
      port: 3000,
      dataDir: '.data',
      databaseUrl: undefined,
      databasePoolSize: 20,
      redisUrl: undefined,
      roles: ['api', 'worker'],
      maxConcurrentCalls: 20,
      maxConcurrentCallsPerNumber: 0,
      encryptionKey: undefined,
      sipCarrier: undefined,
      sip: {
        address: undefined,
        port: 0,
        publicAddress: undefined,
        rtpPorts: undefined,
        mediaTimeoutMs: 15_000,
      },
      recordingsUrl: undefined,
      recordingRetentionDays: 0,
      recordingNotice: undefined,
      providers: {},
      callCostPerMinute: 0,
      rates: {
        currency: undefined,
        telephonyPerMinute: undefined,
        transcriptionPerMinute: undefined,
        modelPerMillionInputTokens: undefined,
        modelPerMillionOutputTokens: undefined,
        speechPerMillionCharacters: undefined,
      },
      publicUrl: undefined,
      callsPerSecond: 10,
      ringTimeoutMs: 45_000,
      maxCallDurationMs: 3_600_000,
      leaseMs: 12_000,
      simulatorSpeed: 1,
      rateLimitPerMinute: 300,
      corsOrigins: undefined,
      outbound: { allowNetworks: [], httpsOnly: false },
      webhooks: {
        retryMs: [5_000, 30_000, 120_000, 600_000, 1_800_000],
        analysisWaitMs: 60_000,
        retentionDays: 30,
      },
      logLevel: 'info',
    });
  });

  it('reads every setting, typed', () => {
    const environment = {
      HOST: '0.0.0.0',
      PORT: '8080',
      DATA_DIR: '/var/lib/outdial',
      DATABASE_URL: 'postgresql://u:p@db.example.com:5433/outdial?sslmode=require',
      DATABASE_POOL_SIZE: '50',
      REDIS_URL: 'redis://cache.example.com:6380/2',
      ROLES: 'worker',
      MAX_CONCURRENT_CALLS: '7',
      MAX_CONCURRENT_CALLS_PER_NUMBER: '2',
      ENCRYPTION_KEY: 'ab'.repeat(32),
      SIP_CARRIER: 'sip:alice:s3cret@sip.example.com;transport=tcp',
      SIP_ADDRESS: '10.0.0.5',
      SIP_PORT: '5060',
      SIP_PUBLIC_ADDRESS: '203.0.113.5',
      RTP_PORTS: '10000-20000',
      MEDIA_TIMEOUT_SECONDS: '30',
      RECORDINGS_URL: 'https://key:secret@s3.example.com/bucket/calls?region=eu-central-1',
      RECORDING_RETENTION_DAYS: '90',
      RECORDING_NOTICE: 'This call is recorded.',
      SPEECH_URL: 'https://speech.example.com/v1',
      SPEECH_API_KEY: 'sk-1',
      SPEECH_MODEL: 'tts-1',
      SPEECH_VOICE: 'nova',
      CALL_COST_PER_MINUTE: '0.012',
      TRANSCRIPTION_COST_PER_MINUTE: '0.003',
      MODEL_COST_PER_MILLION_INPUT_TOKENS: '0.4',
      MODEL_COST_PER_MILLION_OUTPUT_TOKENS: '1.6',
      SPEECH_COST_PER_MILLION_CHARACTERS: '0',
      COST_CURRENCY: 'USD',
      PUBLIC_URL: 'https://calls.example.com/',
      CALLS_PER_SECOND: '0',
      RING_TIMEOUT_SECONDS: '30',
      MAX_CALL_DURATION_SECONDS: '60',
      LEASE_SECONDS: '5',
      SIMULATOR_SPEED: '10',
      RATE_LIMIT_PER_MINUTE: '0',
      CORS_ORIGINS: 'https://app.example.com, http://localhost:5173',
      PRIVATE_NETWORKS: '10.0.0.0/8, fd00::1',
      WEBHOOK_RETRY_SECONDS: '1,2',
      WEBHOOK_ANALYSIS_WAIT_SECONDS: '0',
      WEBHOOK_RETENTION_DAYS: '0',
      LOG_LEVEL: 'silent',
      NODE_ENV: 'production',
    };
    expect(load(environment)).toEqual({
      host: '0.0.0.0',
      port: 8080,
      dataDir: '/var/lib/outdial',
      databaseUrl: environment.DATABASE_URL,
      databasePoolSize: 50,
      redisUrl: environment.REDIS_URL,
      roles: ['worker'],
      maxConcurrentCalls: 7,
      maxConcurrentCallsPerNumber: 2,
      encryptionKey: Buffer.alloc(32, 0xab),
      sipCarrier: expect.objectContaining({
        id: 'default',
        targets: [{ host: 'sip.example.com', port: null, transport: 'tcp' }],
        credentials: { username: 'alice', password: 's3cret' },
      }),
      sip: {
        address: '10.0.0.5',
        port: 5060,
        publicAddress: '203.0.113.5',
        rtpPorts: { min: 10_000, max: 20_000 },
        mediaTimeoutMs: 30_000,
      },
      recordingsUrl: {
        baseUrl: 'https://s3.example.com/bucket/calls',
        accessKeyId: 'key',
        secretAccessKey: 'secret',
        region: 'eu-central-1',
      },
      recordingRetentionDays: 90,
      recordingNotice: 'This call is recorded.',
      providers: {
        speech: {
          ...{ kind: 'openai', baseUrl: 'https://speech.example.com/v1', apiKey: 'sk-1' },
          ...{ model: 'tts-1', voice: 'nova' },
        },
      },
      callCostPerMinute: 0.012,
      rates: {
        currency: 'USD',
        telephonyPerMinute: 0.012,
        transcriptionPerMinute: 0.003,
        modelPerMillionInputTokens: 0.4,
        modelPerMillionOutputTokens: 1.6,
        speechPerMillionCharacters: 0,
      },
      publicUrl: 'https://calls.example.com',
      callsPerSecond: 0,
      ringTimeoutMs: 30_000,
      maxCallDurationMs: 60_000,
      leaseMs: 5_000,
      simulatorSpeed: 10,
      rateLimitPerMinute: 0,
      corsOrigins: ['https://app.example.com', 'http://localhost:5173'],
      outbound: {
        allowNetworks: [
          { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
          { address: 'fd00::1', prefix: 128, family: 'ipv6' },
        ],
        httpsOnly: true,
      },
      webhooks: { retryMs: [1_000, 2_000], analysisWaitMs: 0, retentionDays: 0 },
      logLevel: 'silent',
    });
  });

  it.each([
    ...[['PORT', '-1'] as const, ['PORT', '65536'] as const, ['PORT', '3000x'] as const, ['PORT', '1e3'] as const],
    ...[['DATABASE_URL', 'mysql://localhost/x'] as const, ['DATABASE_URL', 'localhost'] as const],
    ...[['DATABASE_POOL_SIZE', '3'] as const, ['DATABASE_POOL_SIZE', '201'] as const, ['ROLES', 'api,web'] as const],
    ...[['ROLES', ','] as const, ['RATE_LIMIT_PER_MINUTE', '-5'] as const, ['RATE_LIMIT_PER_MINUTE', '1.5'] as const],
    ...[['CORS_ORIGINS', 'app.example.com'] as const, ['CORS_ORIGINS', 'https://app.example.com/path'] as const],
    ...[['SIP_ADDRESS', 'sip.example.com'] as const, ['SIP_PUBLIC_ADDRESS', '1.2.3'] as const],
    ...[['RTP_PORTS', '20000-10000'] as const, ['RTP_PORTS', '80-90'] as const, ['RTP_PORTS', '10000'] as const],
    ...[['RECORDINGS_URL', 's3://bucket'] as const, ['SPEECH_URL', 'ftp://x'] as const, ['PUBLIC_URL', 'x'] as const],
    ...[['CALL_COST_PER_MINUTE', '-1'] as const, ['CALL_COST_PER_MINUTE', '1e3'] as const],
    ...[['MODEL_COST_PER_MILLION_INPUT_TOKENS', '-1'] as const, ['COST_CURRENCY', 'Euro'] as const],
    ...[['PRIVATE_NETWORKS', '10.0.0.0/33'] as const, ['PRIVATE_NETWORKS', 'localhost'] as const],
    ...[['WEBHOOK_RETRY_SECONDS', '5,x'] as const, ['WEBHOOK_RETRY_SECONDS', '90000'] as const],
    ...[['PRIVATE_NETWORKS', 'fe80::1%eth0'] as const, ['PRIVATE_NETWORKS', '10.0.0.0/8,'] as const],
    ...[['LOG_LEVEL', 'loud'] as const, ['LOG_LEVEL', 'INFO'] as const, ['NODE_ENV', 'prod'] as const],
  ])('refuses %s=%s in one line that names the variable', (name, value) => {
    const refusal = errorOf(() => load({ [name]: value }));
    expect(refusal).toBeInstanceOf(ConfigError);
    expect(refusal.message).toMatch(new RegExp(`^Bad setting: ${name} must be [^\\n]+$`));
  });

  it('names every bad setting at once', () => {
    const { message } = errorOf(() => load({ PORT: 'x', ROLES: 'y', LOG_LEVEL: 'z' }));
    expect(message).toContain('PORT must be');
    expect(message).toContain('ROLES must be');
    expect(message).toContain('LOG_LEVEL must be');
  });

  it('does not repeat the value: it may be a secret', () => {
    expect(errorOf(() => load({ DATABASE_URL: 'mysql://root:hunter2@db/x' })).message).not.toContain('hunter2');
  });

  it('takes an empty variable as absent', () => {
    expect(load({ PORT: '', DATABASE_URL: '', CORS_ORIGINS: '' })).toEqual(load({}));
  });

  it('requires SPEECH_URL for a notice in words, not for a tone', () => {
    expect(() => load({ RECORDING_NOTICE: 'This call is recorded.' })).toThrow(
      'SPEECH_URL or SPEECH_API_KEY is required',
    );
    expect(load({ RECORDING_NOTICE: 'tone' }).recordingNotice).toBe('tone');
  });

  it('requires DATABASE_URL in production', () => {
    expect(() => load({ NODE_ENV: 'production' })).toThrow('DATABASE_URL is required with NODE_ENV=production');
  });
});

describe('loadConfig with a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outdial-config-'));
  const file = join(folder, '.env');
  const loadFile = (text: string, environment: NodeJS.ProcessEnv = {}) => {
    writeFileSync(file, text);
    return loadConfig(environment, file);
  };
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('reads what the environment lacks; the environment wins', () => {
    const { port, host } = loadFile('PORT=4000\nHOST=0.0.0.0\n', { PORT: '5000' });
    expect([port, host]).toEqual([5000, '0.0.0.0']);
  });

  it.each(['PROT', 'port', 'DATABASE_URI', 'constructor', 'toString'])('refuses the unknown setting %s', (name) => {
    expect(() => loadFile(`${name}=1\n`)).toThrow(`${name} in ${file} is not a setting`);
  });

  it('works without the file', () => {
    expect(loadConfig({}, join(folder, 'absent'))).toEqual(load({}));
  });
});

describe('envExample', () => {
  it('lists every setting, and uncommented it says what the defaults are', () => {
    const uncommented = envExample().replaceAll(/^# (?=[A-Z_]+=)/gm, '');
    const values = parseEnv(uncommented);
    expect(Object.keys(values).sort()).toEqual(Object.keys(SETTINGS).sort());
    expect(load(values)).toEqual(load({}));
  });

  it('sets nothing as it is', () => {
    expect(parseEnv(envExample())).toEqual({});
  });
});

function errorOf(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
