import { type EntityManager } from 'typeorm';
import { DomainError, isId } from '../lib/platform/index.js';
import { type ProviderChoices } from './agent-settings.js';

const PROBLEM = 'names no provider of this organization: see GET /v1/providers';

/** The accounts that an agent names, with their paths. */
export function namedAccounts(providers: ProviderChoices | null): { path: string; id: string }[] {
  return Object.entries(providers ?? {}).flatMap(([stage, choice]: [string, ProviderChoices['model']]) => [
    ...(choice?.providerId === undefined ? [] : [{ path: `providers.${stage}.providerId`, id: choice.providerId }]),
    ...(choice?.fallback?.providerId === undefined
      ? []
      : [{ path: `providers.${stage}.fallback.providerId`, id: choice.fallback.providerId }]),
  ]);
}

/**
 * Checks that the organization has the accounts that an agent names, and locks them against deletion until the end of the
 * transaction.
 * @throws DomainError `validation_error` that names the path of each missing account
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
