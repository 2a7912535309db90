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
