import { type EntityManager } from 'typeorm';
import { DomainError, isId } from '../lib/platform/index.js';
import { type ProviderChoices } from './agent-configuration.js';

const PROBLEM = 'names no provider of this organization: see GET /v1/providers';

/** The accounts that an agent names, with the path at which it does. */
export function namedAccounts(providers: ProviderChoices | null): { path: string; id: string }[] {
  return Object.entries(providers ?? {}).flatMap(([stage, choice]: [string, ProviderChoices['model']]) => [
    ...(choice?.providerId === undefined ? [] : [{ path: `providers.${stage}.providerId`, id: choice.providerId }]),
    ...(choice?.fallback?.providerId === undefined
      ? []
      : [{ path: `providers.${stage}.fallback.providerId`, id: choice.fallback.providerId }]),
  ]);
}

/**
 * Makes sure that the organization has the accounts that an agent is to name, and that nobody deletes one before the
 * transaction is over.
 * @throws DomainError `validation_error` that names the path of each that it has not
 */
export async function checkProviders(
  tx: EntityManager,
  organizationId: string,
  providers: ProviderChoices | null,
): Promise<void> {
  const named = namedAccounts(providers);
  if (named.length === 0) return;
  const rows: { id: string }[] = await tx.query(
    'select id from provider_accounts where organization_id = $1 and id = any ($2::uuid[]) order by id for share',
    [organizationId, named.map(({ id }) => id).filter(isId)],
  );
  const missing = named.filter(({ id }) => !rows.some((row) => row.id === id));
  const [first] = missing;
  if (!first) return;
  const details = Object.fromEntries(missing.map(({ path }) => [path, PROBLEM]));
  throw new DomainError('validation_error', `${first.path} ${PROBLEM}`, details);
}

/** How many of the agents that keep an account from being deleted are named. */
const NAMED_AGENTS = 5;

/** The active agents that name an account; if it is locked, nobody makes another one meanwhile. */
export async function activeAgentsNaming(
  tx: EntityManager,
  organizationId: string,
  accountId: string,
): Promise<{ agents: { id: string; agentName: string }[]; total: number }> {
  const rows: { id: string; agentName: string; total: number }[] = await tx.query(
    `select id, agent_name as "agentName", (count(*) over ())::int as total from agents
     where organization_id = $1 and is_active
       and jsonb_path_exists(providers::jsonb, '$.**.providerId ? (@ == $id)', jsonb_build_object('id', $2::text))
     order by id limit $3`,
    [organizationId, accountId, NAMED_AGENTS],
  );
  return { agents: rows.map(({ id, agentName }) => ({ id, agentName })), total: rows[0]?.total ?? 0 };
}
