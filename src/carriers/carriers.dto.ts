import { ApiProperty } from '@nestjs/swagger';
import {
  ChoiceField,
  ChoicesField,
  FlagField,
  IntegerField,
  ObjectListField,
  RuleField,
  TextField,
} from '../lib/platform/index.js';
import { CARRIER_KINDS, type StoredCarrierKind } from './carrier.js';
import { type CarrierEntity } from './carrier.entity.js';
import {
  type CarrierTarget,
  type Codec,
  CODECS,
  isHeaderText,
  isHost,
  MAX_TARGETS,
  NUMBER_FORMATS,
  type NumberFormat,
  SRTP_MODES,
  type SrtpMode,
  type Transport,
  TRANSPORTS,
} from './sip-carrier.js';

const EXAMPLE_TARGETS = [
  { host: 'sip1.example.com', port: 5061, transport: 'tls' },
  { host: 'sip2.example.com', port: null, transport: 'udp' },
];
const NAME = { description: 'Name of the carrier in lists', example: 'Acme trunk' };
const NUMBER_FORMAT = { choices: NUMBER_FORMATS, example: 'e164', optional: true };

export class CarrierTargetView {
  @ApiProperty({ description: 'A name or an address', example: 'sip1.example.com' })
  host: string;

  @ApiProperty({ type: 'integer', nullable: true, description: 'null: the port that DNS gives', example: 5061 })
  port: number | null;

  @ApiProperty({ enum: TRANSPORTS, example: 'tls' })
  transport: Transport;
}

const HOST = 'must be a host name, an IPv4 address or an IPv6 address without brackets';
const hostProblem = (host: unknown): string | undefined =>
  typeof host === 'string' && isHost(host) ? undefined : HOST;
const lengthProblem = (text: unknown, max: number): string | undefined =>
  typeof text === 'string' && text.length >= 1 && text.length <= max
    ? undefined
    : `must be text of 1 to ${max} characters`;
const headerTextProblem = (text: unknown): string | undefined =>
  lengthProblem(text, 255) ?? (isHeaderText(text as string) ? undefined : 'must be text without control characters');

export class CarrierTargetRequest {
  @RuleField({
    description: 'A name or an address',
    schema: { type: String },
    problem: hostProblem,
    example: 'sip1.example.com',
  })
  host: string;

  @IntegerField({ description: 'Default: the port that DNS gives', min: 1, max: 65_535, example: 5061, optional: true })
  port?: number | null;

  @ChoiceField({ description: 'Default udp', choices: TRANSPORTS, example: 'tls', optional: true })
  transport?: Transport | null;
}

/** The fields of a carrier, in requests to add and to change one. */
export class CarrierSettings {
  @ChoiceField({ description: 'Kind of carrier', choices: CARRIER_KINDS, example: 'sip', optional: true })
  kind?: StoredCarrierKind | null;

  @ObjectListField({
    description: `Servers of the carrier in the order in which they are tried, 1 to ${MAX_TARGETS}`,
    shape: CarrierTargetRequest,
    min: 1,
    max: MAX_TARGETS,
    items: 'targets',
    example: EXAMPLE_TARGETS,
    optional: true,
  })
  targets?: CarrierTargetRequest[] | null;

  @RuleField({
    description: 'Short form of a single target, with port and transport',
    schema: { type: String, minLength: 1, maxLength: 253 },
    problem: (host) => lengthProblem(host, 253) ?? hostProblem(host),
    optional: true,
  })
  host?: string | null;

  @IntegerField({ description: 'Port of the short form', min: 1, max: 65_535, optional: true })
  port?: number | null;

  @ChoiceField({ description: 'Transport of the short form; default udp', choices: TRANSPORTS, optional: true })
  transport?: Transport | null;

  @RuleField({
    description: 'For digest authentication, with password',
    schema: { type: String, minLength: 1, maxLength: 255 },
    problem: headerTextProblem,
    optional: true,
  })
  username?: string | null;

  @TextField({ description: 'Encrypted at rest and never returned', maxLength: 255, optional: true })
  password?: string | null;

  @RuleField({
    description: 'Realm of the challenges that are answered; default: any',
    schema: { type: String, minLength: 1, maxLength: 255 },
    problem: headerTextProblem,
    example: null,
    optional: true,
  })
  authRealm?: string | null;

  @ChoicesField({
    description: 'Codecs in the order in which they are offered; default: both',
    choices: CODECS,
    example: ['PCMU', 'PCMA'],
    optional: true,
  })
  codecs?: Codec[] | null;

  @ChoiceField({ description: 'Encryption of the audio', choices: SRTP_MODES, example: 'off', optional: true })
  srtp?: SrtpMode | null;

  @ChoiceField({ ...NUMBER_FORMAT, description: 'Format of the caller id, with or without the +' })
  callerIdFormat?: NumberFormat | null;

  @ChoiceField({ ...NUMBER_FORMAT, description: 'Format of the dialled number' })
  numberFormat?: NumberFormat | null;

  @RuleField({
    description: 'Host in From; default: the host of the target',
    schema: { type: String, minLength: 1, maxLength: 253 },
    problem: (domain) => lengthProblem(domain, 253) ?? hostProblem(domain),
    example: null,
    optional: true,
  })
  fromDomain?: string | null;

  @IntegerField({
    description: 'New calls in any second; 0 is no limit, null the limit of the settings',
    example: 10,
    min: 0,
    max: 100_000,
    optional: true,
  })
  callsPerSecond?: number | null;

  @IntegerField({
    description: 'Concurrent calls; null is no limit',
    example: 30,
    min: 1,
    max: 1_000_000,
    optional: true,
  })
  maxChannels?: number | null;

  @FlagField({
    description: 'Whether this server registers with the carrier; needs a username',
    example: false,
    optional: true,
  })
  registration?: boolean | null;

  @FlagField({ description: 'Whether the TLS certificate of the carrier must be valid', example: true, optional: true })
  verifyTls?: boolean | null;

  @FlagField({ description: 'Live calls use active carriers only', example: true, optional: true })
  isActive?: boolean | null;
}

export class CreateCarrierRequest extends CarrierSettings {
  @TextField(NAME)
  name: string;
}

/** Absent fields keep their value; null empties a field that may be empty. */
export class UpdateCarrierRequest extends CarrierSettings {
  @TextField({ ...NAME, optional: true })
  name?: string | null;
}

export class CarrierView {
  @ApiProperty({ example: '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10' })
  id: string;

  @ApiProperty({ example: NAME.example })
  name: string;

  @ApiProperty({ enum: CARRIER_KINDS, example: 'sip' })
  kind: StoredCarrierKind;

  @ApiProperty({ type: [CarrierTargetView], example: EXAMPLE_TARGETS })
  targets: CarrierTarget[];

  @ApiProperty({ type: String, nullable: true, example: 'acme' })
  username: string | null;

  @ApiProperty({ description: 'Whether a password is stored; it is never returned', example: true })
  hasPassword: boolean;

  @ApiProperty({ type: String, nullable: true, example: null })
  authRealm: string | null;

  @ApiProperty({ enum: CODECS, isArray: true, example: ['PCMU', 'PCMA'] })
  codecs: Codec[];

  @ApiProperty({ enum: SRTP_MODES, example: 'off' })
  srtp: SrtpMode;

  @ApiProperty({ enum: NUMBER_FORMATS, example: 'e164' })
  callerIdFormat: NumberFormat;

  @ApiProperty({ enum: NUMBER_FORMATS, example: 'e164' })
  numberFormat: NumberFormat;

  @ApiProperty({ type: String, nullable: true, example: null })
  fromDomain: string | null;

  @ApiProperty({ type: 'integer', nullable: true, example: 10 })
  callsPerSecond: number | null;

  @ApiProperty({ type: 'integer', nullable: true, example: 30 })
  maxChannels: number | null;

  @ApiProperty({ example: false })
  registration: boolean;

  @ApiProperty({ example: true })
  verifyTls: boolean;

  @ApiProperty({ example: true })
  isActive: boolean;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  createdAt: Date;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  updatedAt: Date;
}

export function toCarrierView(carrier: CarrierEntity): CarrierView {
  const { id, name, kind, targets, username, sealedPassword, authRealm, codecs, srtp } = carrier;
  const { callerIdFormat, numberFormat, fromDomain, callsPerSecond, maxChannels } = carrier;
  const { registration, verifyTls, isActive, createdAt, updatedAt } = carrier;
  return {
    id,
    name,
    kind,
    targets,
    username,
    hasPassword: sealedPassword !== null,
    authRealm,
    codecs,
    srtp,
    callerIdFormat,
    numberFormat,
    fromDomain,
    callsPerSecond,
    maxChannels,
    registration,
    verifyTls,
    isActive,
    createdAt,
    updatedAt,
  };
}

export class TargetHealthView {
  @ApiProperty({ example: 'sip.example.com' })
  host: string;

  @ApiProperty({ type: 'integer', nullable: true, example: 5060 })
  port: number | null;

  @ApiProperty({ enum: TRANSPORTS, example: 'udp' })
  transport: Transport;

  @ApiProperty({ description: 'Whether the target answered', example: true })
  ok: boolean;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'SIP status of the answer; null without an answer',
    example: 200,
  })
  status: number | null;

  @ApiProperty({ type: 'number', nullable: true, description: 'Milliseconds until the answer', example: 12 })
  rttMs: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why the target could not be asked', example: null })
  problem: string | null;
}
