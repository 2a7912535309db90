-- The read model of a call: written in the transaction that appends its events, rebuilt from them at any time.
-- Its organization comes from a key, which has the foreign key that the hot tables here do without.
create table calls (
  id uuid primary key,
  version int not null,
  organization_id uuid not null,
  environment text not null,
  agent_id uuid not null,
  campaign_id uuid,
  status text not null,
  direction text not null,
  from_number text not null,
  to_number text not null,
  customer_name text,
  voice_id text,
  language text,
  dynamic_variables jsonb,
  metadata jsonb,
  disable_knowledge_bases boolean not null,
  scheduled_at timestamptz,
  attempt int not null,
  disconnection_reason text,
  outcome jsonb,
  duration int,
  created_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz
) with (fillfactor = 80);
-- Ids are UUIDv7: their order is the order of creation.
create index calls_newest on calls (organization_id, environment, id);
create index calls_newest_by_status on calls (organization_id, environment, status, id);
create index calls_newest_inbound on calls (organization_id, environment, id) where direction = 'INBOUND';

-- How many calls there are of each kind, by the day and hour of their creation. Changes are appended as deltas, which
-- no two transactions contend for, and folded in by a worker; a count is the sum of both tables.
create table call_counts (
  organization_id uuid not null,
  environment text not null,
  span text not null check (span in ('day', 'hour')),
  starts_at timestamptz not null,
  status text not null,
  direction text not null,
  calls bigint not null,
  primary key (organization_id, environment, span, starts_at, status, direction)
) with (fillfactor = 70);

create table call_count_deltas (
  id bigint generated always as identity primary key,
  organization_id uuid not null,
  environment text not null,
  starts_at timestamptz not null,
  status text not null,
  direction text not null,
  calls bigint not null
);
create index call_count_deltas_by_organization on call_count_deltas (organization_id, environment, starts_at);

-- The first answer to each Idempotency-Key, kept for a day.
create table idempotency_keys (
  organization_id uuid not null,
  environment text not null,
  key text not null,
  request_hash bytea not null,
  call_id uuid not null,
  status int not null,
  body text not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, environment, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);
