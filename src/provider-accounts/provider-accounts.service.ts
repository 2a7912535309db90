import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, In, Repository } from 'typeorm';
import { type Config } from '../config/config.js';
import {
  addressProblem,
  DomainError,
  isId,
  newId,
  notFound,
  type OutboundRules,
  Page,
  SecretBox,
  SecretBoxError,
} from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { isPlainUrl } from './plain-url.js';
import { ProviderAccountEntity, type ProviderKind } from './provider-account.entity.js';
import { type CreateProviderRequest, type UpdateProviderRequest } from './provider-accounts.dto.js';

/** An account as calls use it. */
export interface ProviderAccount {
  kind: ProviderKind;
  /** With its version; that of the provider when absent. */
  baseUrl?: string;
  apiKey?: string;
}

const ENDING_CHARACTERS = 4;
/** Of shorter keys the ending would give away too much. */
const LONG_KEY = 13;

/** The accounts of an organization at providers of speech and language. */
@Injectable()
export class ProviderAccountsService {
  constructor(
    @InjectRepository(ProviderAccountEntity) private readonly accounts: Repository<ProviderAccountEntity>,
    private readonly secrets: SecretBox,
    @InjectConfig() private readonly config: Config,
  ) {}

  /** @throws DomainError `validation_error` */
  async create(organizationId: string, request: CreateProviderRequest): Promise<ProviderAccountEntity> {
    check(request, this.config.outbound);
    const id = newId();
    const { name, kind, baseUrl, apiKey } = request;
    const account = { id, organizationId, name, kind, baseUrl: baseUrl ?? null, ...this.seal(apiKey ?? null, id) };
    return this.accounts.save(this.accounts.create(account));
  }

  /** Newest first. */
  async list(organizationId: string, page: number, limit: number): Promise<Page<ProviderAccountEntity>> {
    const [items, total] = await this.accounts.findAndCount({
      where: { organizationId },
      order: { id: 'DESC' },
      skip: (page - 1) * limit,
      take: limit,
    });
    return new Page(items, page, limit, total);
  }

  /** @throws DomainError `not_found` */
  async get(organizationId: string, id: string): Promise<ProviderAccountEntity> {
    const account = isId(id) ? await this.accounts.findOneBy({ id, organizationId }) : null;
    if (!account) throw notFound('Provider');
    return account;
  }

  /** Changes what is given. @throws DomainError `not_found`, `validation_error` */
  async update(organizationId: string, id: string, request: UpdateProviderRequest): Promise<ProviderAccountEntity> {
    return this.withLock(organizationId, id, async (account, tx) => {
      check(request, this.config.outbound);
      const { name, kind, baseUrl, apiKey } = request;
      const changed = { ...account, name: name ?? account.name, kind: kind ?? account.kind };
      if (baseUrl !== undefined) changed.baseUrl = baseUrl;
      if (apiKey !== undefined) Object.assign(changed, this.seal(apiKey, id));
      // Otherwise a user with access to providers could send the stored key to another server.
      else if (account.sealedApiKey !== null && serverOf(account) !== serverOf(changed))
        throw invalid('apiKey', 'must be given again, for it would be sent to another server');
      return tx.save(ProviderAccountEntity, changed);
    });
  }

  /** @returns the account as it was. @throws DomainError `not_found`; `conflict` while active agents name it */
  async remove(organizationId: string, id: string): Promise<ProviderAccountEntity> {
    return this.withLock(organizationId, id, async (account, tx) => {
      const { agents, total } = await activeAgentsUsing(tx, organizationId, account.id);
      if (total > 0) throw inUse(agents, total);
      await tx.delete(ProviderAccountEntity, { id, organizationId });
      return account;
    });
  }

  /**
   * Accounts by their id, as calls use them. Those that are not there, or not the organization's, are left out.
   * @throws SecretBoxError when a key cannot be decrypted; the message names the account and what to do
   */
  async accountsFor(organizationId: string, ids: readonly string[]): Promise<Map<string, ProviderAccount>> {
    const known = ids.filter(isId);
    if (known.length === 0) return new Map();
    const accounts = await this.accounts.findBy({ organizationId, id: In(known) });
    return new Map(accounts.map((account) => [account.id, this.open(account)]));
  }

  private async withLock(
    organizationId: string,
    id: string,
    work: (account: ProviderAccountEntity, tx: EntityManager) => Promise<ProviderAccountEntity>,
  ): Promise<ProviderAccountEntity> {
    if (!isId(id)) throw notFound('Provider');
    return this.accounts.manager.transaction(async (tx) => {
      const where = { id, organizationId };
      const account = await tx.findOne(ProviderAccountEntity, { where, lock: { mode: 'pessimistic_write' } });
      if (!account) throw notFound('Provider');
      return work(account, tx);
    });
  }

  private open({ id, name, kind, baseUrl, sealedApiKey }: ProviderAccountEntity): ProviderAccount {
    try {
      const apiKey = sealedApiKey === null ? undefined : this.secrets.open(sealedApiKey, id);
      return { kind, ...(baseUrl === null ? {} : { baseUrl }), ...(apiKey === undefined ? {} : { apiKey }) };
    } catch (error) {
      if (!(error instanceof SecretBoxError)) throw error;
      throw new SecretBoxError(`The API key of the provider ${name} (${id}) cannot be read: ${error.message}`);
    }
  }

  private seal(apiKey: string | null, id: string): Pick<ProviderAccountEntity, 'sealedApiKey' | 'apiKeyEnding'> {
    if (apiKey === null) return { sealedApiKey: null, apiKeyEnding: null };
    const apiKeyEnding = apiKey.length < LONG_KEY ? null : apiKey.slice(-ENDING_CHARACTERS);
    try {
      return { sealedApiKey: this.secrets.seal(apiKey, id), apiKeyEnding };
    } catch (error) {
      if (error instanceof SecretBoxError) throw invalid('apiKey', `cannot be stored: ${error.message}`);
      throw error;
    }
  }
}

function check({ baseUrl, apiKey }: UpdateProviderRequest, outbound: OutboundRules): void {
  if (baseUrl != null && (!isPlainUrl(baseUrl) || baseUrl.includes('?')))
    throw invalid('baseUrl', 'must be an absolute http or https URL, without credentials, query and fragment');
  const problem = baseUrl == null ? undefined : addressProblem(baseUrl, outbound);
  if (problem !== undefined) throw invalid('baseUrl', `cannot be used: ${problem}`);
  // It goes into a header (RFC 6750 §2.1).
  if (apiKey != null && !/^[\x21-\x7e]+$/.test(apiKey))
    throw invalid('apiKey', 'must be printable ASCII without spaces');
}

/** The server that receives the key. */
const serverOf = ({ kind, baseUrl }: ProviderAccountEntity): string =>
  baseUrl === null ? kind : new URL(baseUrl).origin;

const invalid = (field: string, problem: string): DomainError =>
  new DomainError('validation_error', `${field} ${problem}`, { [field]: problem });

/** Agents named in the refusal to delete an account. */
const NAMED_AGENTS = 5;

async function activeAgentsUsing(
  tx: EntityManager,
  organizationId: string,
  accountId: string,
): Promise<{ agents: { id: string; agentName: string }[]; total: number }> {
  const rows = await tx.query<{ id: string; agentName: string; total: number }[]>(
    `select id, agent_name as "agentName", (count(*) over ())::int as total
     from agents_using_provider($1, $2) order by id limit $3`,
    [organizationId, accountId, NAMED_AGENTS],
  );
  return { agents: rows.map(({ id, agentName }) => ({ id, agentName })), total: rows[0]?.total ?? 0 };
}

function inUse(agents: { id: string; agentName: string }[], total: number): DomainError {
  const names = agents.map(({ agentName }) => agentName).join(', ');
  const more = total > agents.length ? ` and ${total - agents.length} more` : '';
  const message = `Active agents name this provider: ${names}${more}. Have them name another, or none, first`;
  return new DomainError('conflict', message, { agents });
}
