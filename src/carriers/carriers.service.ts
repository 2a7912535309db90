import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import {
  DomainError,
  isId,
  newId,
  notFound,
  Page,
  SecretBox,
  SecretBoxError,
  violatedConstraint,
} from '../lib/platform/index.js';
import { PhoneNumberEntity } from './phone-number.entity.js';
import { STORED_CARRIERS } from './carrier.js';
import { type CarrierChanges } from './carrier-changes.js';
import { CarrierEntity } from './carrier.entity.js';
import { CarriersForCalls } from './carriers-for-calls.js';
import { CODECS } from './sip-carrier.js';

/** How many of the numbers that keep a carrier from being deleted are named. */
const NAMED_NUMBERS = 5;

/** The carriers of an organization. */
@Injectable()
export class CarriersService {
  constructor(
    @InjectRepository(CarrierEntity) private readonly carriers: Repository<CarrierEntity>,
    @InjectRepository(PhoneNumberEntity) private readonly numbers: Repository<PhoneNumberEntity>,
    private readonly secrets: SecretBox,
    /** What calls need to know of carriers. */
    readonly forCalls: CarriersForCalls,
  ) {}

  /** @throws DomainError `validation_error` */
  async create(organizationId: string, given: CarrierChanges & { name: string }): Promise<CarrierEntity> {
    const kind = given.kind ?? 'sip';
    if (!given.targets && STORED_CARRIERS[kind].needsTargets) throw invalid('targets', 'is required, or host');
    const id = newId();
    const carrier = this.carriers.create({
      id,
      organizationId,
      name: given.name,
      kind,
      targets: given.targets ?? [],
      username: given.username ?? null,
      sealedPassword: this.seal(given.password ?? null, id),
      authRealm: given.authRealm ?? null,
      codecs: given.codecs ?? [...CODECS],
      srtp: given.srtp ?? 'off',
      callerIdFormat: given.callerIdFormat ?? 'e164',
      numberFormat: given.numberFormat ?? 'e164',
      fromDomain: given.fromDomain ?? null,
      callsPerSecond: given.callsPerSecond ?? null,
      maxChannels: given.maxChannels ?? null,
      registration: given.registration ?? false,
      verifyTls: given.verifyTls ?? true,
      isActive: given.isActive ?? true,
    });
    assertCredentials(carrier);
    return this.carriers.save(carrier);
  }

  /** Newest first. */
  async list(organizationId: string, page: number, limit: number): Promise<Page<CarrierEntity>> {
    const [items, total] = await this.carriers.findAndCount({
      where: { organizationId },
      order: { id: 'DESC' },
      skip: (page - 1) * limit,
      take: limit,
    });
    return new Page(items, page, limit, total);
  }

  /** @throws DomainError `not_found` */
  async get(organizationId: string, id: string): Promise<CarrierEntity> {
    const carrier = isId(id) ? await this.carriers.findOneBy({ id, organizationId }) : null;
    if (!carrier) throw notFound('Carrier');
    return carrier;
  }

  /** Changes what is given. @throws DomainError `not_found`, `validation_error` */
  async update(organizationId: string, id: string, given: CarrierChanges): Promise<CarrierEntity> {
    const carrier = await this.get(organizationId, id);
    const { password, ...rest } = given;
    const sealedPassword = password === undefined ? undefined : this.seal(password, carrier.id);
    const changes = Object.fromEntries(
      Object.entries({ ...rest, sealedPassword }).filter(([, value]) => value !== undefined),
    ) as Partial<CarrierEntity>;
    assertCredentials({ ...carrier, ...changes });
    if (Object.keys(changes).length === 0) return carrier;
    try {
      await this.carriers.update({ id, organizationId }, changes);
    } catch (error) {
      // Another request has taken the other half away in between.
      if (violatedConstraint(error) === 'carriers_password_has_user')
        throw new DomainError('conflict', 'The carrier has been changed at the same time; try again');
      throw error;
    }
    return this.get(organizationId, id);
  }

  /** @returns the carrier as it was. @throws DomainError `not_found`; `conflict` while phone numbers use it */
  async remove(organizationId: string, id: string): Promise<CarrierEntity> {
    const carrier = await this.get(organizationId, id);
    try {
      if (!(await this.carriers.delete({ id, organizationId })).affected) throw notFound('Carrier');
      return carrier;
    } catch (error) {
      if (violatedConstraint(error) === 'phone_numbers_carrier') throw await this.inUse(organizationId, id);
      throw error;
    }
  }

  private async inUse(organizationId: string, carrierId: string): Promise<DomainError> {
    const [numbers, total] = await this.numbers.findAndCount({
      where: { organizationId, carrierId },
      order: { id: 'ASC' },
      take: NAMED_NUMBERS,
    });
    const named = numbers.map(({ phoneNumber }) => phoneNumber);
    const more = total > named.length ? ` and ${total - named.length} more` : '';
    return new DomainError(
      'conflict',
      `Phone numbers use this carrier: ${named.join(', ')}${more}. Give them another carrier, or null, first`,
      { phoneNumbers: numbers.map((number) => ({ id: number.id, phoneNumber: number.phoneNumber })) },
    );
  }

  private seal(password: string | null, id: string): string | null {
    if (password === null) return null;
    try {
      return this.secrets.seal(password, id);
    } catch (error) {
      if (error instanceof SecretBoxError) throw invalid('password', `cannot be stored: ${error.message}`);
      throw error;
    }
  }
}

const invalid = (field: string, problem: string): DomainError =>
  new DomainError('validation_error', `${field} ${problem}`, { [field]: problem });

function assertCredentials(carrier: Pick<CarrierEntity, 'username' | 'sealedPassword' | 'registration'>): void {
  const { username, sealedPassword, registration } = carrier;
  if (username === null && sealedPassword !== null) throw invalid('username', 'is required with a password');
  if (username !== null && sealedPassword === null) throw invalid('password', 'is required with a username');
  if (registration && username === null) throw invalid('registration', 'needs username and password');
}
