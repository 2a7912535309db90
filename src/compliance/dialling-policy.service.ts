import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Database } from '../lib/platform/index.js';
import { callingHoursProblems } from './calling-hours.js';
import { DiallingPolicyEntity } from './dialling-policy.entity.js';
import {
  decideDialling,
  DEFAULT_POLICY,
  type DiallingDecision,
  type DiallingPolicy,
  refuseUnreadable,
} from './dialling-policy.js';
import { numberFacts, timeZonesOf } from './number-facts.js';

export type StoredPolicy = DiallingPolicy & { updatedAt: Date | null };

/** Counts that the policy compares with its limits. */
export interface DiallingCounts {
  /** Today's other calls to the number. */
  callsToNumberToday: number;
  /** In the unit of `maxSpendPerDay`; null: unknown, which a limit refuses. */
  spentToday: number | null;
}

const POLICY_AND_SUPPRESSION = {
  name: 'find_dialling_policy',
  text: `select p.organization_id is not null as "hasPolicy", p.allowed_prefixes as "allowedPrefixes",
           p.refused_prefixes as "refusedPrefixes", p.allow_premium as "allowPremium",
           p.allow_satellite as "allowSatellite", p.max_spend_per_day as "maxSpendPerDay",
           p.max_calls_per_number_per_day as "maxCallsPerNumberPerDay", p.calling_hours as "callingHours",
           p.allow_unknown_time_zone as "allowUnknownTimeZone",
           exists (
             select from suppressions s
             where s.organization_id = o.id and (s.phone_number = $2 or s.canonical_number = $3)
               and (s.expires_at is null or s.expires_at > $4)
           ) as "isSuppressed"
         from (select $1::uuid as id) o left join dialling_policies p on p.organization_id = o.id`,
};

/** Stores the dialling policies of organizations and checks numbers against them. */
@Injectable()
export class DiallingPolicyService {
  constructor(
    @InjectRepository(DiallingPolicyEntity) private readonly policies: Repository<DiallingPolicyEntity>,
    private readonly database: Database,
  ) {}

  async get(organizationId: string): Promise<StoredPolicy> {
    return (await this.policies.findOneBy({ organizationId })) ?? { ...DEFAULT_POLICY, updatedAt: null };
  }

  async update(organizationId: string, changes: Partial<DiallingPolicy>): Promise<StoredPolicy> {
    const changed = Object.keys(changes).map(
      (name) => this.policies.metadata.findColumnWithPropertyName(name)?.databaseName ?? name,
    );
    if (changed.length > 0)
      await this.policies
        .createQueryBuilder()
        .insert()
        .values({ organizationId, ...(changes as Partial<DiallingPolicyEntity>), updatedAt: () => 'now()' })
        .orUpdate([...changed, 'updated_at'], ['organization_id'])
        .execute();
    return this.get(organizationId);
  }

  /**
   * Whether the policy allows a number now, with the result of every rule.
   * @throws Error when the database fails; the caller must not dial then
   */
  async check(organizationId: string, to: string, now: Date, counts: DiallingCounts): Promise<DiallingDecision> {
    const { canonical, numberType } = numberFacts(to);
    const [found] = await this.database.query<DiallingPolicy & { hasPolicy: boolean; isSuppressed: boolean }>(
      POLICY_AND_SUPPRESSION,
      [organizationId, to, canonical, now],
    );
    if (!found || (found.hasPolicy && found.callingHours && !isEmpty(callingHoursProblems(found.callingHours))))
      return refuseUnreadable('The dialling policy of the organization cannot be read; PATCH /v1/dialling-policy');
    const { hasPolicy, isSuppressed, ...stored } = found;
    const policy = hasPolicy ? stored : DEFAULT_POLICY;
    const timeZones = policy.callingHours ? await timeZonesOf(to) : [];
    return decideDialling({ policy, to: canonical, now, isSuppressed, ...counts, numberType, timeZones });
  }
}

const isEmpty = (problems: object): boolean => Object.keys(problems).length === 0;
