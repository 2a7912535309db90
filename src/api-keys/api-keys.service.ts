import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, IsNull, LessThanOrEqual, Not, Repository } from 'typeorm';
import { DomainError, isId, newId, notFound, Page } from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { type Config } from '../config/config.js';
import { type Caller } from './authentication.js';
import { type Environment, generateKey, hashKey, missingScopes, type Scope } from './api-key.js';
import { ApiKeyEntity, OrganizationEntity } from './api-key.entity.js';

export interface NewApiKey {
  name: string;
  environment: Environment;
  scopes: readonly Scope[];
  expiresAt?: Date | null;
  rateLimitPerMinute?: number | null;
}

/** A key with its secret, which is known at this moment only. */
export interface IssuedKey {
  entity: ApiKeyEntity;
  key: string;
}

/** Organizations and their keys. A caller never gives away more than its own key can do. */
@Injectable()
export class ApiKeysService {
  constructor(
    @InjectRepository(ApiKeyEntity) private readonly keys: Repository<ApiKeyEntity>,
    @InjectRepository(OrganizationEntity) private readonly organizations: Repository<OrganizationEntity>,
    @InjectConfig() private readonly config: Config,
  ) {}

  async createOrganization(name: string): Promise<OrganizationEntity> {
    return this.organizations.save(this.organizations.create({ id: newId(), name }));
  }

  countOrganizations(): Promise<number> {
    return this.organizations.count();
  }

  /** Issues a key for the operator's command line. @throws DomainError `not_found` */
  async issue(organizationId: string, wanted: NewApiKey): Promise<IssuedKey> {
    if (!isId(organizationId) || !(await this.organizations.existsBy({ id: organizationId })))
      throw notFound('Organization');
    return this.store(this.keys, organizationId, wanted);
  }

  /** Issues a key for a caller. @throws DomainError `insufficient_scope`, `forbidden` */
  async create(caller: Caller, wanted: NewApiKey): Promise<IssuedKey> {
    assertMayGrant(caller, wanted.environment, wanted.scopes);
    await this.assertWithinOwnLimit(this.keys, caller, wanted.rateLimitPerMinute);
    return this.store(this.keys, caller.organizationId, wanted);
  }

  /** The keys that a caller may see, newest first: a test key knows nothing of live ones. */
  async list(caller: Caller, page: number, limit: number): Promise<Page<ApiKeyEntity>> {
    const [items, total] = await this.keys.findAndCount({
      where: visibleTo(caller),
      order: { id: 'DESC' },
      skip: (page - 1) * limit,
      take: limit,
    });
    return new Page(items, page, limit, total);
  }

  /** Ends a key now; ended already, it stays as it is. @throws DomainError `not_found` */
  async revoke(caller: Caller, id: string): Promise<ApiKeyEntity> {
    const key = await this.find(this.keys, caller, id);
    return this.end(key);
  }

  /** Revokes a key of any organization, for the operator's command line. @throws DomainError `not_found` */
  async revokeAny(id: string): Promise<ApiKeyEntity> {
    const key = isId(id) ? await this.keys.findOneBy({ id }) : null;
    if (!key) throw notFound('API key');
    return this.end(key);
  }

  /** Which of these keys have been revoked or have expired. */
  async findEnded(ids: string[]): Promise<string[]> {
    const ended = await this.keys.find({
      select: { id: true },
      where: [
        { id: In(ids), revokedAt: Not(IsNull()) },
        { id: In(ids), expiresAt: LessThanOrEqual(new Date()) },
      ],
    });
    return ended.map(({ id }) => id);
  }

  /**
   * Replaces a key by a new one that can do the same; the old one stays good for `overlapSeconds`.
   * @throws DomainError `not_found`, `insufficient_scope`, `forbidden`, `conflict` when the key has ended
   */
  async roll(caller: Caller, id: string, overlapSeconds: number): Promise<IssuedKey> {
    return this.keys.manager.transaction(async (manager) => {
      const keys = manager.getRepository(ApiKeyEntity);
      const old = await this.find(keys, caller, id, true);
      assertMayGrant(caller, old.environment, old.scopes);
      await this.assertWithinOwnLimit(keys, caller, old.rateLimitPerMinute);
      const endsAt = new Date(Date.now() + overlapSeconds * 1000);
      if (old.revokedAt || (old.expiresAt && old.expiresAt <= new Date()))
        throw new DomainError('conflict', 'The API key has already ended; create a new one');
      const issued = await this.store(keys, caller.organizationId, old);
      if (!old.expiresAt || old.expiresAt > endsAt) await keys.update({ id }, { expiresAt: endsAt });
      return issued;
    });
  }

  private async store(keys: Repository<ApiKeyEntity>, organizationId: string, wanted: NewApiKey): Promise<IssuedKey> {
    const key = generateKey(wanted.environment);
    const { name, environment, scopes, expiresAt = null, rateLimitPerMinute = null } = wanted;
    const entity = await keys.save(
      keys.create({
        id: newId(),
        organizationId,
        name,
        environment,
        scopes: [...scopes],
        hash: hashKey(key),
        ending: key.slice(-4),
        rateLimitPerMinute,
        expiresAt,
        revokedAt: null,
      }),
    );
    return { entity, key };
  }

  private async find(keys: Repository<ApiKeyEntity>, caller: Caller, id: string, forUpdate = false) {
    const key = isId(id)
      ? await keys.findOne({
          where: { ...visibleTo(caller), id },
          ...(forUpdate ? { lock: { mode: 'pessimistic_write' as const } } : {}),
        })
      : null;
    if (!key) throw notFound('API key');
    return key;
  }

  private async end(key: ApiKeyEntity): Promise<ApiKeyEntity> {
    const revokedAt = new Date();
    const { affected } = await this.keys.update({ id: key.id, revokedAt: IsNull() }, { revokedAt });
    return affected ? { ...key, revokedAt } : this.keys.findOneByOrFail({ id: key.id });
  }

  /** A limit is no use if its key can make another key without it. */
  private async assertWithinOwnLimit(
    keys: Repository<ApiKeyEntity>,
    caller: Caller,
    wanted: number | null | undefined,
  ): Promise<void> {
    const own = await keys.findOneByOrFail({ id: caller.keyId });
    const ownLimit = own.rateLimitPerMinute ?? this.config.rateLimitPerMinute;
    const wantedLimit = wanted ?? this.config.rateLimitPerMinute;
    if (ownLimit !== 0 && (wantedLimit === 0 || wantedLimit > ownLimit))
      throw new DomainError(
        'forbidden',
        `An API key cannot grant a higher rate limit than its own: ${ownLimit} a minute`,
      );
  }
}

const visibleTo = ({ organizationId, environment }: Caller) =>
  environment === 'live' ? { organizationId } : { organizationId, environment };

function assertMayGrant(caller: Caller, environment: Environment, scopes: readonly Scope[]): void {
  if (caller.environment === 'test' && environment === 'live')
    throw new DomainError('forbidden', 'A test key cannot create live keys');
  const missing = missingScopes(caller.scopes, scopes);
  if (missing.length > 0)
    throw new DomainError('insufficient_scope', `API key does not have the required scope: ${missing.join(', ')}`);
}
