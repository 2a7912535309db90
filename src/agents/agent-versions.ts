import { type EntityManager, type Repository } from 'typeorm';
import { notFound, Page } from '../lib/platform/index.js';
import { configurationOf, differences, isVersioned } from './agent-changes.js';
import { AgentVersionEntity } from './agent-version.entity.js';
import { AgentEntity } from './agent.entity.js';

const MAX_VERSION = 2 ** 31 - 1;

/**
 * Changes an agent, and writes the next version if the configuration differs. Concurrent changes apply one after another.
 * @param plan returns the changes for the locked agent
 * @throws DomainError `not_found`
 */
export async function changeAgent(
  tx: EntityManager,
  organizationId: string,
  id: string,
  plan: (agent: AgentEntity) => Partial<AgentEntity> | Promise<Partial<AgentEntity>>,
): Promise<AgentEntity> {
  const agent = await tx.findOne(AgentEntity, { where: { id, organizationId }, lock: { mode: 'pessimistic_write' } });
  if (!agent) throw notFound('Agent');
  const changes = differences(agent, await plan(agent));
  if (Object.keys(changes).length === 0) return agent;
  const version = isVersioned(changes) ? agent.version + 1 : agent.version;
  // A process of the release before writes no versions: the present configuration is kept before it changes.
  if (version !== agent.version) await keepVersion(tx, agent);
  await tx.update(AgentEntity, { id, organizationId }, { ...changes, version } as object);
  const changed = await tx.findOneByOrFail(AgentEntity, { id, organizationId });
  if (version !== agent.version) await keepVersion(tx, changed);
  return changed;
}

/** Stores the present configuration under its version, unless it is stored. */
export async function keepVersion(tx: EntityManager, agent: AgentEntity): Promise<void> {
  const { id: agentId, organizationId, version, updatedAt: createdAt } = agent;
  const configuration = configurationOf(agent);
  const kept = { agentId, version, organizationId, configuration, createdAt };
  await tx
    .createQueryBuilder()
    .insert()
    .into(AgentVersionEntity)
    .values(kept as object)
    .orIgnore()
    .execute();
}

/** Newest first, without the configurations. */
export async function listVersions(
  versions: Repository<AgentVersionEntity>,
  { id: agentId, organizationId }: AgentEntity,
  page: number,
  limit: number,
): Promise<Page<Pick<AgentVersionEntity, 'version' | 'createdAt'>>> {
  const [items, total] = await versions.findAndCount({
    select: { version: true, createdAt: true },
    where: { agentId, organizationId },
    order: { version: 'DESC' },
    skip: (page - 1) * limit,
    take: limit,
  });
  return new Page(items, page, limit, total);
}

/** @throws DomainError `not_found` */
export async function getVersion(
  versions: Repository<AgentVersionEntity>,
  { id: agentId, organizationId }: Pick<AgentEntity, 'id' | 'organizationId'>,
  version: number,
): Promise<AgentVersionEntity> {
  const isNumber = Number.isInteger(version) && version > 0 && version <= MAX_VERSION;
  const found = isNumber ? await versions.findOneBy({ agentId, organizationId, version }) : null;
  if (!found) throw notFound('Agent version');
  return found;
}
