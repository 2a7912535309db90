-- Caller: src/provider-accounts/provider-accounts.service.ts
--
-- The active agents of an organization that name a provider account in their `providers`, oldest first. Agents that name
-- an account hold a share lock on its row while they are changed, so under an exclusive lock of the row the result stands.
create or replace function agents_using_provider(owner uuid, account uuid) returns table (id uuid, agent_name text)
language sql stable as $$
  select a.id, a.agent_name from agents a
  where a.organization_id = owner and a.is_active
    and jsonb_path_exists(a.providers::jsonb, '$.**.providerId ? (@ == $id)', jsonb_build_object('id', account::text))
  order by a.id
$$;
