-- Caller: src/api-keys/authentication.ts
--
-- Finds a key by its hash and grants as many of the asked requests as its limit allows in any 60 seconds. Returns one
-- row, or none for an unknown key. The row lock makes processes count together; one bucket of a second more than the
-- minute keeps every rolling minute within the limit.
create or replace function admit_requests(key_hash bytea, asked int, default_limit int)
returns table (
  id uuid, organization_id uuid, environment text, scopes text[], usable boolean, rate_limit int,
  granted int, used int, frees_in int, frees_at bigint
)
language plpgsql as $$
declare
  k api_keys;
  w rate_windows;
  this_second bigint;
  first_hit int;
begin
  select * into k from api_keys where hash = key_hash;
  if not found then return; end if;
  id := k.id;
  organization_id := k.organization_id;
  environment := k.environment;
  scopes := k.scopes;
  usable := k.revoked_at is null and (k.expires_at is null or k.expires_at > clock_timestamp());
  rate_limit := coalesce(k.rate_limit_per_minute, default_limit);
  granted := asked;
  used := 0;
  if not usable then
    granted := 0;
  elsif rate_limit > 0 then
    select * into w from rate_windows r where r.key_id = k.id for update;
    if not found then
      insert into rate_windows values (k.id, 0, '{}') on conflict do nothing;
      select * into w from rate_windows r where r.key_id = k.id for update;
    end if;
    -- Read under the lock, and never going back, so that windows only slide forward.
    this_second := greatest(floor(extract(epoch from clock_timestamp()))::bigint, w.second);
    w.hits := (array_fill(0, array[least(this_second - w.second, 61)::int]) || w.hits)[1:61];
    used := coalesce((select sum(hit) from unnest(w.hits) hit), 0);
    granted := greatest(least(asked, rate_limit - used), 0);
    used := used + granted;
    w.hits[1] := coalesce(w.hits[1], 0) + granted;
    select max(n) into first_hit from unnest(w.hits) with ordinality as h(hit, n) where hit > 0;
    frees_in := 62 - coalesce(first_hit, 1);
    frees_at := this_second + frees_in;
    if granted > 0 then
      update rate_windows r set second = this_second, hits = w.hits where r.key_id = k.id;
    end if;
  end if;
  return next;
end $$;
