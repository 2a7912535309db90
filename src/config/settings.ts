import { parseSipCarrier } from '../carriers/sip-carrier-setting.js';
import { parseEncryptionKey } from '../lib/platform/encryption-key.js';
import { parseNetwork } from '../lib/platform/http-client/network.js';
import { parseS3Location } from '../recordings/s3-location.js';
import {
  currency,
  httpUrl,
  integer,
  ipAddress,
  listOf,
  mapped,
  oneOf,
  origin,
  portRange,
  price,
  seconds,
  setting,
  text,
  url,
} from './setting.js';

const ROLES = ['api', 'worker'] as const;
/** A part of the application that a process can run. */
export type Role = (typeof ROLES)[number];

const role = listOf((item) => ROLES.find((known) => known === item), 'api, worker, or api,worker');
const origins = listOf(origin, 'origins like https://app.example.com, comma separated, or *');
const networks = listOf(parseNetwork, 'networks or addresses like 10.0.0.0/8, comma separated');
const waits = listOf((item) => seconds(0, 86_400).parse(item), 'whole numbers from 0 to 86400, comma separated');
const logLevel = oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']);
const speechVendor = oneOf(['openai', 'deepgram']);
const encryptionKey = {
  parse: parseEncryptionKey,
  accepts: '32 bytes in base64 or hexadecimal (openssl rand -base64 32)',
};
const sipCarrier = {
  parse: parseSipCarrier,
  accepts: 'URIs like sip:user:password@sip.example.com:5060;transport=udp (tcp, tls), percent-encoded',
};
const s3Location = {
  parse: parseS3Location,
  accepts: 'an address like https://KEY:SECRET@host/bucket/prefix?region=eu-central-1',
};

/**
 * Every setting, one line each: variable, place in `Config`, format, default, description. `.env.example` and
 * `docs/settings.md` are generated from this table.
 */
// prettier-ignore
export const SETTINGS = {
  HOST: setting('host', text, '127.0.0.1', 'Address to listen on; 0.0.0.0 serves the network.'),
  PORT: setting('port', integer(0, 65_535), '3000', 'Port to listen on; 0 picks a free one.'),
  DATA_DIR: setting('dataDir', text, '.data', 'Folder for the embedded database and recordings.'),
  DATABASE_URL: setting('databaseUrl', url('postgres:', 'postgresql:'), undefined, 'PostgreSQL 16 or newer. Unset: an embedded PostgreSQL runs in DATA_DIR. Required with NODE_ENV=production.'),
  DATABASE_POOL_SIZE: setting('databasePoolSize', integer(4, 200), '20', 'Connections that this process may open to the database.'),
  ENCRYPTION_KEY: setting('encryptionKey', encryptionKey, undefined, 'Encrypts stored passwords, keys and secrets, and signs links to recordings. With the embedded database a key is created in DATA_DIR.'),
  REDIS_URL: setting('redisUrl', url('redis:', 'rediss:'), undefined, 'Redis for the queue. Unset: the queue lives in PostgreSQL.'),
  ROLES: setting('roles', role, 'api,worker', 'What this process does: serve the API, do the background work, or both.'),
  RATE_LIMIT_PER_MINUTE: setting('rateLimitPerMinute', integer(0, 1_000_000_000), '300', 'Requests per minute and key, unless the key has its own limit; 0 is no limit.'),
  MAX_CONCURRENT_CALLS: setting('maxConcurrentCalls', integer(0, 1_000_000), '20', 'Concurrent calls of an organization and environment, unless the organization has its own limit; 0 is no limit.'),
  MAX_CONCURRENT_CALLS_PER_NUMBER: setting('maxConcurrentCallsPerNumber', integer(0, 1_000_000), '0', 'Concurrent calls from one phone number, unless the number has its own limit; 0 is no limit.'),
  SIP_CARRIER: setting('sipCarrier', sipCarrier, undefined, 'SIP trunk of live calls from numbers without a carrier. Several URIs, comma separated, are tried in order.'),
  SIP_ADDRESS: setting('sip.address', ipAddress, undefined, 'Local address that SIP and RTP are sent from. Unset: the address that the routing table selects for the carrier.'),
  SIP_PORT: setting('sip.port', integer(0, 65_535), '0', 'UDP and TCP port of SIP; 0 picks a free one.'),
  SIP_PUBLIC_ADDRESS: setting('sip.publicAddress', ipAddress, undefined, 'Address at which carriers reach this machine, behind NAT.'),
  RTP_PORTS: setting('sip.rtpPorts', portRange, undefined, 'UDP ports of audio, two for each call. Unset: any free ports.'),
  MEDIA_TIMEOUT_SECONDS: setting('sip.mediaTimeoutMs', seconds(2, 3_600), '15', 'Silence of the far end, not on hold, after which a call ends as lost.'),
  RECORDINGS_URL: setting('recordingsUrl', s3Location, undefined, 'Bucket of an S3-compatible server for recordings. Unset: recordings stay in DATA_DIR/recordings.'),
  RECORDING_RETENTION_DAYS: setting('recordingRetentionDays', integer(0, 36_500), '0', 'Age at which recordings are deleted; 0 keeps them.'),
  RECORDING_NOTICE: setting('recordingNotice', text, undefined, 'Played at the start of a recorded call: tone, or a text to speak. Unset: nothing.'),
  TRANSCRIPTION_PROVIDER: setting('providers.transcription.kind', speechVendor, 'openai', 'Speech-to-text provider.'),
  TRANSCRIPTION_URL: setting('providers.transcription.baseUrl', httpUrl, undefined, 'Base URL of speech-to-text, with its version; any server with the API of OpenAI works. Unset: the vendor.'),
  TRANSCRIPTION_API_KEY: setting('providers.transcription.apiKey', text, undefined, 'API key for speech-to-text. Setting the URL or the key enables it.'),
  TRANSCRIPTION_MODEL: setting('providers.transcription.model', text, undefined, 'Speech-to-text model. Unset: the default of the provider.'),
  MODEL_URL: setting('providers.model.baseUrl', httpUrl, undefined, 'Base URL of the language model, with its version: a server with the chat API of OpenAI.'),
  MODEL_API_KEY: setting('providers.model.apiKey', text, undefined, 'API key for the language model. Setting the URL or the key enables it.'),
  MODEL_NAME: setting('providers.model.model', text, undefined, 'Language model. Unset: the default of the provider.'),
  SPEECH_PROVIDER: setting('providers.speech.kind', speechVendor, 'openai', 'Text-to-speech provider of conversations.'),
  SPEECH_URL: setting('providers.speech.baseUrl', httpUrl, undefined, 'Base URL of text-to-speech, with its version: a server with the speech API of OpenAI.'),
  SPEECH_API_KEY: setting('providers.speech.apiKey', text, undefined, 'API key for text-to-speech. Setting the URL or the key enables it.'),
  SPEECH_MODEL: setting('providers.speech.model', text, 'gpt-4o-mini-tts', 'Text-to-speech model of OpenAI.'),
  SPEECH_VOICE: setting('providers.speech.voice', text, 'alloy', 'Voice of agents without a voice of their own.'),
  CALL_COST_PER_MINUTE: setting('callCostPerMinute', price, '0', 'Price of a minute of a live call, for call costs and the daily limit of the dialling policy; 0 means unknown.'),
  TRANSCRIPTION_COST_PER_MINUTE: setting('rates.transcriptionPerMinute', price, undefined, 'Price of a minute of transcribed speech. Unset: unknown; 0 is free.'),
  MODEL_COST_PER_MILLION_INPUT_TOKENS: setting('rates.modelPerMillionInputTokens', price, undefined, 'Price of a million input tokens of the language model.'),
  MODEL_COST_PER_MILLION_OUTPUT_TOKENS: setting('rates.modelPerMillionOutputTokens', price, undefined, 'Price of a million output tokens of the language model.'),
  SPEECH_COST_PER_MILLION_CHARACTERS: setting('rates.speechPerMillionCharacters', price, undefined, 'Price of a million characters of synthesized speech.'),
  COST_CURRENCY: setting('rates.currency', currency, undefined, 'Currency of all costs, reported with them.'),
  CALLS_PER_SECOND: setting('callsPerSecond', integer(0, 100_000), '10', 'New calls of a carrier in any second; 0 is no limit.'),
  RING_TIMEOUT_SECONDS: setting('ringTimeoutMs', seconds(1, 600), '45', 'Ringing time after which a call ends as not answered.'),
  MAX_CALL_DURATION_SECONDS: setting('maxCallDurationMs', seconds(1, 86_400), '3600', 'Longest duration of a call from answer to end.'),
  LEASE_SECONDS: setting('leaseMs', seconds(1, 20), '12', 'Time without a sign of life from a worker after which other workers take its calls over.'),
  SIMULATOR_SPEED: setting('simulatorSpeed', integer(1, 1_000_000), '1', 'Speed of simulated calls, in multiples of real time.'),
  PUBLIC_URL: setting('publicUrl', mapped(httpUrl, (address) => address.replace(/\/+$/, '')), undefined, 'Address at which clients reach this server, for links in answers. Unset: the address it listens on.'),
  CORS_ORIGINS: setting('corsOrigins', origins, undefined, 'Web origins whose pages may call the API, comma separated, or *. Unset: none.'),
  PRIVATE_NETWORKS: setting('outbound.allowNetworks', networks, '', 'Private networks that webhooks, tools and providers of organizations may reach, comma separated. Unset: none, only the internet.'),
  WEBHOOK_RETRY_SECONDS: setting('webhooks.retryMs', waits, '5,30,120,600,1800', 'Waits before a webhook delivery is retried, comma separated; after the last retry it has failed.'),
  WEBHOOK_ANALYSIS_WAIT_SECONDS: setting('webhooks.analysisWaitMs', seconds(0, 3_600), '60', 'Time that call.ended waits for the summary of its call; a later summary comes with call.analyzed.'),
  WEBHOOK_RETENTION_DAYS: setting('webhooks.retentionDays', integer(0, 36_500), '30', 'Age at which finished webhook deliveries are deleted; 0 keeps them.'),
  LOG_LEVEL: setting('logLevel', logLevel, 'info', 'Least severe log line that is written.'),
  NODE_ENV: setting('nodeEnv', oneOf(['development', 'test', 'production']), 'development', 'production disables the embedded database and limits webhooks and tools to https.'),
} as const;
