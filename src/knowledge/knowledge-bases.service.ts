import { Injectable } from '@nestjs/common';
import { Database, DomainError, isId, newId, notFound, Page } from '../lib/platform/index.js';
import { canonicalLanguage, textSearchOf } from './text-search.js';

export interface KnowledgeBase {
  id: string;
  name: string;
  description: string | null;
  /** BCP 47. */
  language: string;
  documentCount: number;
  createdAt: Date;
  updatedAt: Date;
}

type Given = Partial<Record<'name' | 'description' | 'language', string | null>>;

/** How many of the agents that keep a knowledge base from being deleted are named. */
const NAMED_AGENTS = 5;

const BASE = `
  b.id, b.name, b.description, b.language, b.created_at as "createdAt", b.updated_at as "updatedAt",
  (
    select count(*)::int from knowledge_documents d
    where d.organization_id = b.organization_id and d.knowledge_base_id = b.id
  ) as "documentCount"`;

const SEARCHABLE_ANEW = `
  update knowledge_chunks c set search = knowledge_search($3, c.heading, c.text, d.name)
  from knowledge_documents d
  where d.organization_id = $1 and d.knowledge_base_id = $2 and c.organization_id = $1 and c.document_id = d.id`;

/** The knowledge bases of an organization. */
@Injectable()
export class KnowledgeBasesService {
  constructor(private readonly database: Database) {}

  /** @throws DomainError `validation_error` for what is no language */
  async create(organizationId: string, given: Given & { name: string }): Promise<KnowledgeBase> {
    const id = newId();
    const language = languageOf(given.language ?? 'en');
    await this.database.query(
      `insert into knowledge_bases (id, organization_id, name, description, language, text_search)
       values ($1, $2, $3, $4, $5, $6)`,
      [id, organizationId, given.name, given.description ?? null, language, textSearchOf(language)],
    );
    return this.get(organizationId, id);
  }

  /** Newest first. */
  async list(organizationId: string, page: number, limit: number): Promise<Page<KnowledgeBase>> {
    const items = await this.database.query<KnowledgeBase>(
      `select ${BASE} from knowledge_bases b where b.organization_id = $1 order by b.id desc offset $2 limit $3`,
      [organizationId, (page - 1) * limit, limit],
    );
    const [counted] = await this.database.query<{ total: number }>(
      'select count(*)::int as total from knowledge_bases where organization_id = $1',
      [organizationId],
    );
    return new Page(items, page, limit, counted?.total ?? 0);
  }

  /** @throws DomainError `not_found` */
  async get(organizationId: string, id: string): Promise<KnowledgeBase> {
    const [base] = isId(id)
      ? await this.database.query<KnowledgeBase>(
          `select ${BASE} from knowledge_bases b where b.organization_id = $1 and b.id = $2`,
          [organizationId, id],
        )
      : [];
    if (!base) throw notFound('Knowledge base');
    return base;
  }

  /** Which of these the organization has. */
  async existing(organizationId: string, ids: readonly string[]): Promise<string[]> {
    const found = await this.database.query<{ id: string }>(
      'select id from knowledge_bases where organization_id = $1 and id = any($2::uuid[])',
      [organizationId, ids.filter(isId)],
    );
    const known = new Set(found.map(({ id }) => id));
    return ids.filter((id) => known.has(id.toLowerCase()));
  }

  /** @throws DomainError `validation_error` that names each of these ids that the organization does not have */
  async check(organizationId: string, ids: readonly string[]): Promise<void> {
    const known = await this.existing(organizationId, ids);
    const missing = ids.map((id, index) => [`knowledgeBaseIds[${index}]`, id] as const);
    const problems = missing.filter(([, id]) => !known.includes(id)).map(([path]) => [path, 'does not exist'] as const);
    if (problems.length === 0) return;
    const [[first] = ['']] = problems;
    throw new DomainError('validation_error', `${first} does not exist`, Object.fromEntries(problems));
  }

  /**
   * Changes what is given; null empties the description. Another language has all documents made searchable anew.
   * @throws DomainError `not_found`, `validation_error` for what is no language
   */
  async update(organizationId: string, id: string, given: Given): Promise<KnowledgeBase> {
    const { name, description, language: tag } = given;
    const language = tag == null ? null : languageOf(tag);
    await this.get(organizationId, id);
    await this.database.transaction(async (client) => {
      // With the lock that uploads take: no document comes in under the old language meanwhile.
      const { rows } = await client.query<{ textSearch: string }>(
        `select text_search as "textSearch" from knowledge_bases
         where organization_id = $1 and id = $2 for no key update`,
        [organizationId, id],
      );
      const textSearch = language === null ? rows[0]?.textSearch : textSearchOf(language);
      await client.query(
        `update knowledge_bases set name = coalesce($3, name), language = coalesce($4, language), text_search = $5,
           description = case when $6 then $7 else description end, updated_at = now()
         where organization_id = $1 and id = $2`,
        [organizationId, id, name ?? null, language, textSearch, description !== undefined, description ?? null],
      );
      if (textSearch !== rows[0]?.textSearch) await client.query(SEARCHABLE_ANEW, [organizationId, id, textSearch]);
    });
    return this.get(organizationId, id);
  }

  /** @returns the base as it was. @throws DomainError `not_found`; `conflict` while active agents use it */
  async remove(organizationId: string, id: string): Promise<KnowledgeBase> {
    const base = await this.get(organizationId, id);
    const users = await this.database.query<{ id: string; agentName: string }>(
      `select id, agent_name as "agentName" from agents
       where organization_id = $1 and is_active and $2::uuid = any(knowledge_base_ids) order by id`,
      [organizationId, id],
    );
    if (users.length > 0) throw inUse(users);
    const removed = await this.database.query(
      'delete from knowledge_bases where organization_id = $1 and id = $2 returning id',
      [organizationId, id],
    );
    if (removed.length === 0) throw notFound('Knowledge base');
    return base;
  }
}

function languageOf(tag: string): string {
  const language = canonicalLanguage(tag);
  const problem = 'must be a BCP 47 language tag, like en or de-CH';
  if (language === undefined) throw new DomainError('validation_error', `language ${problem}`, { language: problem });
  return language;
}

function inUse(agents: readonly { id: string; agentName: string }[]): DomainError {
  const named = agents.slice(0, NAMED_AGENTS);
  const more = agents.length > named.length ? ` and ${agents.length - named.length} more` : '';
  return new DomainError(
    'conflict',
    `Agents use this knowledge base: ${named.map(({ agentName }) => agentName).join(', ')}${more}. ` +
      'Take it from their knowledgeBaseIds first',
    { agents: named },
  );
}
