import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ChoiceField, ChoicesField, FlagField, IntegerField, TextField } from '../lib/platform/index.js';
import { CARRIER_KINDS, type StoredCarrierKind } from './carrier.js';
import { type CarrierEntity } from './carrier.entity.js';
import {
  type CarrierTarget,
  type Codec,
  CODECS,
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
const NAME = { description: 'What people call the carrier', example: 'Acme trunk' };
const NUMBER_FORMAT = { choices: NUMBER_FORMATS, example: 'e164', optional: true };

export class CarrierTargetView {
  @ApiProperty({ description: 'A name or an address', example: 'sip1.example.com' })
  host: string;

  @ApiProperty({ type: 'integer', nullable: true, description: 'null: as DNS says', example: 5061 })
  port: number | null;

  @ApiProperty({ enum: TRANSPORTS, example: 'tls' })
  transport: Transport;
}

/** What a carrier can be told, new or later. */
export class CarrierSettings {
  @ChoiceField({ description: 'How it is spoken to', choices: CARRIER_KINDS, example: 'sip', optional: true })
  kind?: StoredCarrierKind | null;

  /** Read by `readTargets`. */
  @ApiPropertyOptional({
    description: `Its servers in the order in which they are tried, 1 to ${MAX_TARGETS}. port defaults to what DNS says, transport to udp`,
    type: [CarrierTargetView],
    example: EXAMPLE_TARGETS,
  })
  targets?: CarrierTarget[] | null;

  @TextField({ description: 'With port and transport, short for a single target', maxLength: 253, optional: true })
  host?: string | null;

  @IntegerField({ description: 'Of host', min: 1, max: 65_535, optional: true })
  port?: number | null;

  @ChoiceField({ description: 'Of host; udp unless said otherwise', choices: TRANSPORTS, optional: true })
  transport?: Transport | null;

  @TextField({ description: 'For digest authentication, with password', maxLength: 255, optional: true })
  username?: string | null;

  @TextField({ description: 'Kept encrypted and never returned', maxLength: 255, optional: true })
  password?: string | null;

  @TextField({
    description: 'Only challenges of this realm are answered; any unless given',
    example: null,
    maxLength: 255,
    optional: true,
  })
  authRealm?: string | null;

  @ChoicesField({
    description: 'What is offered, in this order; both unless given',
    choices: CODECS,
    example: ['PCMU', 'PCMA'],
    optional: true,
  })
  codecs?: Codec[] | null;

  @ChoiceField({ description: 'Encryption of the sound', choices: SRTP_MODES, example: 'off', optional: true })
  srtp?: SrtpMode | null;

  @ChoiceField({ ...NUMBER_FORMAT, description: 'How our number is written to it, with or without the +' })
  callerIdFormat?: NumberFormat | null;

  @ChoiceField({ ...NUMBER_FORMAT, description: 'How the number that is called is written to it' })
  numberFormat?: NumberFormat | null;

  @TextField({
    description: 'The host in From; that of the target unless given',
    example: null,
    maxLength: 253,
    optional: true,
  })
  fromDomain?: string | null;

  @IntegerField({
    description: 'New calls in any second; 0 is no limit, and null what the settings say',
    example: 10,
    min: 0,
    max: 100_000,
    optional: true,
  })
  callsPerSecond?: number | null;

  @IntegerField({ description: 'Calls at once; null is no limit', example: 30, min: 1, max: 1_000_000, optional: true })
  maxChannels?: number | null;

  @FlagField({ description: 'Whether to register with it; needs a username', example: false, optional: true })
  registration?: boolean | null;

  @FlagField({ description: 'Whether its TLS certificate must be valid', example: true, optional: true })
  verifyTls?: boolean | null;

  @FlagField({ description: 'Live calls use active carriers only', example: true, optional: true })
  isActive?: boolean | null;
}

export class CreateCarrierRequest extends CarrierSettings {
  @TextField(NAME)
  name: string;
}

/** Only what is given changes; null empties what may be empty. */
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

  @ApiProperty({ description: 'Whether there is one; it is never shown', example: true })
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
    ...{ id, name, kind, targets, username, hasPassword: sealedPassword !== null, authRealm, codecs, srtp },
    ...{ callerIdFormat, numberFormat, fromDomain, callsPerSecond, maxChannels },
    ...{ registration, verifyTls, isActive, createdAt, updatedAt },
  };
}

export class TargetHealthView {
  @ApiProperty({ example: 'sip.example.com' })
  host: string;

  @ApiProperty({ type: 'integer', nullable: true, example: 5060 })
  port: number | null;

  @ApiProperty({ enum: TRANSPORTS, example: 'udp' })
  transport: Transport;

  @ApiProperty({ description: 'Whether it answered', example: true })
  ok: boolean;

  @ApiProperty({ type: 'integer', nullable: true, description: 'The SIP status of its answer', example: 200 })
  status: number | null;

  @ApiProperty({ type: 'number', nullable: true, description: 'Milliseconds', example: 12 })
  rttMs: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why it could not be asked', example: null })
  problem: string | null;
}
