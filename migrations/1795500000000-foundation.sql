-- Organizations and what belongs to them as plain rows.

create table organizations (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create table api_keys (
  id uuid primary key,
  organization_id uuid not null references organizations (id),
  name text not null,
  environment text not null check (environment in ('live', 'test')),
  scopes text[] not null,
  -- SHA-256 of the whole key: the key itself is shown once and kept nowhere.
  hash bytea not null,
  -- The last characters, so that a person can tell keys apart.
  ending text not null,
  rate_limit_per_minute int check (rate_limit_per_minute >= 0),
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index api_keys_hash on api_keys (hash);
create index api_keys_by_organization on api_keys (organization_id, id desc);

-- Requests of each key in each of the last 61 seconds, the newest first. Unlogged: a crash forgets a minute of counting.
create unlogged table rate_windows (
  key_id uuid primary key,
  second bigint not null,
  hits int[] not null
) with (fillfactor = 10);

-- Knows a key by its hash and lets as many of the requests asked for through as its limit allows in any 60 seconds.
-- One row, or none for an unknown key. The row lock makes processes count together; a bucket of one second more than the
-- minute makes sure that no rolling minute is ever exceeded.
create function admit_requests(key_hash bytea, asked int, default_limit int)
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

create table agents (
  id uuid primary key,
  organization_id uuid not null references organizations (id),
  agent_name text not null,
  agent_type text not null,
  call_direction text not null check (call_direction in ('INBOUND', 'OUTBOUND', 'BOTH')),
  voice_id text,
  language text,
  prompt text,
  first_message text,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index agents_by_organization on agents (organization_id, id desc) where is_active;

create table phone_numbers (
  id uuid primary key,
  organization_id uuid not null references organizations (id),
  phone_number text not null,
  label text,
  carrier_id uuid,
  created_at timestamptz not null default now()
);
create unique index phone_numbers_once on phone_numbers (organization_id, phone_number);
