import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Database, isId, newId, notFound, Page } from '../lib/platform/index.js';
import { numberFacts } from './number-facts.js';
import { SuppressionEntity } from './suppression.entity.js';
import { type AddSuppressionRequest, type SuppressionsQuery } from './suppressions.dto.js';

const UPSERT = {
  name: 'add_suppression',
  text: `insert into suppressions (id, organization_id, phone_number, canonical_number, reason, expires_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (organization_id, phone_number)
         do update set canonical_number = excluded.canonical_number, reason = excluded.reason,
           expires_at = excluded.expires_at, updated_at = now()
         returning id, organization_id as "organizationId", phone_number as "phoneNumber",
           canonical_number as "canonicalNumber", reason, expires_at as "expiresAt", created_at as "createdAt",
           updated_at as "updatedAt"`,
};

/** Numbers that an organization must not call, neither live nor in test mode. */
@Injectable()
export class SuppressionsService {
  constructor(
    @InjectRepository(SuppressionEntity) private readonly suppressions: Repository<SuppressionEntity>,
    private readonly database: Database,
  ) {}

  /** Adds a number. A present number keeps its id and gets the new reason and expiry. */
  async add(
    organizationId: string,
    { phoneNumber, reason, expiresAt }: AddSuppressionRequest,
  ): Promise<SuppressionEntity> {
    const canonical = numberFacts(phoneNumber).canonical;
    const values = [newId(), organizationId, phoneNumber, canonical, reason ?? null, expiresAt ?? null];
    const [suppression] = await this.database.query<SuppressionEntity>(UPSERT, values);
    if (!suppression) throw new Error('The suppression was not stored');
    return suppression;
  }

  /** Newest first. */
  async list(
    organizationId: string,
    { page, limit, phoneNumber }: SuppressionsQuery,
  ): Promise<Page<SuppressionEntity>> {
    const [items, total] = await this.suppressions.findAndCount({
      where: { organizationId, ...(phoneNumber == null ? {} : { phoneNumber }) },
      order: { id: 'DESC' },
      skip: (page - 1) * limit,
      take: limit,
    });
    return new Page(items, page, limit, total);
  }

  /** @returns the suppression as it was. @throws DomainError `not_found` */
  async remove(organizationId: string, id: string): Promise<SuppressionEntity> {
    const suppression = isId(id) ? await this.suppressions.findOneBy({ id, organizationId }) : null;
    const removed = suppression && (await this.suppressions.delete({ id, organizationId })).affected;
    if (!suppression || !removed) throw notFound('Suppression');
    return suppression;
  }
}
