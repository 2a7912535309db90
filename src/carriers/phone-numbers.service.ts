import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { type Config } from '../config/config.js';
import {
  BatchedLookup,
  Database,
  DomainError,
  isId,
  newId,
  notFound,
  Page,
  violatedConstraint,
} from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { PhoneNumberEntity } from './phone-number.entity.js';
import { DEFAULT_CARRIER_ID } from './sip-carrier.js';
import { type AddPhoneNumberRequest, type UpdatePhoneNumberRequest } from './phone-numbers.dto.js';

/** What a call needs to know of the number it is made from. */
export interface NumberForCalls {
  /** Its active carrier, else `DEFAULT_CARRIER_ID` where the settings have one, else null: no live call can be made. */
  carrierId: string | null;
}

/** The numbers that an organization calls from. */
@Injectable()
export class PhoneNumbersService {
  private readonly owned: BatchedLookup<[string, string], NumberForCalls>;

  constructor(
    @InjectRepository(PhoneNumberEntity) private readonly numbers: Repository<PhoneNumberEntity>,
    database: Database,
    @InjectConfig() private readonly config: Config,
  ) {
    this.owned = new BatchedLookup(
      database,
      {
        name: 'find_own_number',
        text: `select k.n, p."carrierId"
               from unnest($1::uuid[], $2::text[]) with ordinality as k(organization_id, phone_number, n)
               cross join lateral (
                 select (
                   select c.id from carriers c
                   where c.organization_id = p.organization_id and c.id = p.carrier_id and c.is_active
                 ) as "carrierId"
                 from phone_numbers p
                 where p.organization_id = k.organization_id and p.phone_number = k.phone_number limit 1
               ) p`,
      },
      2,
    );
  }

  async owns(organizationId: string, phoneNumber: string): Promise<boolean> {
    return (await this.owned.find(organizationId, phoneNumber)) !== undefined;
  }

  /** Undefined when the number is not the organization's. */
  async lookUp(organizationId: string, phoneNumber: string): Promise<NumberForCalls | undefined> {
    const number = await this.owned.find(organizationId, phoneNumber);
    const otherwise = this.config.sipCarrier ? DEFAULT_CARRIER_ID : null;
    return number && { carrierId: number.carrierId ?? otherwise };
  }

  /** @throws DomainError `conflict` when the organization has the number already, `not_found` for the carrier */
  async add(
    organizationId: string,
    { phoneNumber, label, carrierId }: AddPhoneNumberRequest,
  ): Promise<PhoneNumberEntity> {
    assertCarrierId(carrierId);
    const number = { id: newId(), organizationId, phoneNumber, label: label ?? null, carrierId: carrierId ?? null };
    return this.numbers.save(this.numbers.create(number)).catch(explain);
  }

  /** Changes what is given; null empties. @throws DomainError `not_found`, for the number or its carrier */
  async update(
    organizationId: string,
    id: string,
    { label, carrierId }: UpdatePhoneNumberRequest,
  ): Promise<PhoneNumberEntity> {
    const number = await this.get(organizationId, id);
    assertCarrierId(carrierId);
    if (label === undefined && carrierId === undefined) return number;
    await this.numbers.update({ id, organizationId }, { label, carrierId }).catch(explain);
    return this.get(organizationId, id);
  }

  /** Newest first. */
  async list(organizationId: string, page: number, limit: number): Promise<Page<PhoneNumberEntity>> {
    const [items, total] = await this.numbers.findAndCount({
      where: { organizationId },
      order: { id: 'DESC' },
      skip: (page - 1) * limit,
      take: limit,
    });
    return new Page(items, page, limit, total);
  }

  /** @returns the number as it was. @throws DomainError `not_found` */
  async remove(organizationId: string, id: string): Promise<PhoneNumberEntity> {
    const number = await this.get(organizationId, id);
    if (!(await this.numbers.delete({ id, organizationId })).affected) throw notFound('Phone number');
    return number;
  }

  private async get(organizationId: string, id: string): Promise<PhoneNumberEntity> {
    const number = isId(id) ? await this.numbers.findOneBy({ id, organizationId }) : null;
    if (!number) throw notFound('Phone number');
    return number;
  }
}

/** What cannot be an id names no carrier. Whether the organization has one of that id, its foreign key tells. */
function assertCarrierId(carrierId: string | null | undefined): void {
  if (carrierId != null && !isId(carrierId)) throw notFound('Carrier');
}

/** @throws the error of a write in the words of the API */
function explain(error: unknown): never {
  const constraint = violatedConstraint(error);
  if (constraint === 'phone_numbers_once')
    throw new DomainError('conflict', 'The organization has this phone number already');
  if (constraint === 'phone_numbers_carrier') throw notFound('Carrier');
  throw error;
}
