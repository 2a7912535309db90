import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import {
  BatchedLookup,
  Database,
  DomainError,
  isId,
  newId,
  notFound,
  Page,
  violatedConstraint,
} from '../platform/index.js';
import { PhoneNumberEntity } from './phone-number.entity.js';
import { type AddPhoneNumberRequest } from './phone-numbers.dto.js';

/** The numbers that an organization calls from. */
@Injectable()
export class PhoneNumbersService {
  private readonly owned: BatchedLookup<[string, string], { id: string }>;

  constructor(
    @InjectRepository(PhoneNumberEntity) private readonly numbers: Repository<PhoneNumberEntity>,
    database: Database,
  ) {
    this.owned = new BatchedLookup(
      database,
      {
        name: 'find_own_number',
        text: `select k.n, p.id from unnest($1::uuid[], $2::text[]) with ordinality as k(organization_id, phone_number, n)
               cross join lateral (
                 select id from phone_numbers p
                 where p.organization_id = k.organization_id and p.phone_number = k.phone_number limit 1
               ) p`,
      },
      2,
    );
  }

  async owns(organizationId: string, phoneNumber: string): Promise<boolean> {
    return (await this.owned.find(organizationId, phoneNumber)) !== undefined;
  }

  /** @throws DomainError `conflict` when the organization has the number already, `not_found` for the carrier */
  async add(
    organizationId: string,
    { phoneNumber, label, carrierId }: AddPhoneNumberRequest,
  ): Promise<PhoneNumberEntity> {
    if (carrierId != null) throw notFound('Carrier');
    try {
      return await this.numbers.save(
        this.numbers.create({ id: newId(), organizationId, phoneNumber, label: label ?? null, carrierId: null }),
      );
    } catch (error) {
      if (violatedConstraint(error) === 'phone_numbers_once')
        throw new DomainError('conflict', 'The organization has this phone number already');
      throw error;
    }
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
    const number = isId(id) ? await this.numbers.findOneBy({ id, organizationId }) : null;
    const removed = number && (await this.numbers.delete({ id, organizationId })).affected;
    if (!number || !removed) throw notFound('Phone number');
    return number;
  }
}
