-- When a queued call may be dialled: its time, and after a carrier without a free channel a little later.
alter table calls add column not_before timestamptz;
alter table calls add column recording text;

-- The line of each organization and number, in order. A call that a carrier sent back keeps its place.
create index calls_waiting on calls (
  organization_id, environment, from_number, (greatest(created_at, scheduled_at)), id
) where status = 'queued';
create index calls_under_way on calls (id) where status = 'in_progress';

alter table organizations add column max_concurrent_calls int check (max_concurrent_calls >= 0);
alter table phone_numbers add column max_concurrent_calls int check (max_concurrent_calls >= 0);

-- Calls that a worker has in hand, from admission to the end. Whoever holds one renews its lease; a lease that has run
-- out is anybody's to take over.
create table live_calls (
  call_id uuid primary key,
  organization_id uuid not null,
  environment text not null,
  from_number text not null,
  carrier text not null,
  owner uuid not null,
  lease_until timestamptz not null,
  admitted_at timestamptz not null default clock_timestamp()
);
create index live_calls_by_organization on live_calls (organization_id, environment, from_number);
create index live_calls_by_lease on live_calls (lease_until);
create index live_calls_by_owner on live_calls (owner);

-- Calls let through to a carrier, for its calls-per-second limit. Each counts until a second after the carrier was
-- asked for it (`asked_at`, set by the worker right after), however long that took.
create table carrier_admissions (
  carrier text not null,
  call_id uuid not null,
  admitted_at timestamptz not null default clock_timestamp(),
  asked_at timestamptz
);
create index carrier_admissions_by_carrier on carrier_admissions (carrier);
create index carrier_admissions_by_call on carrier_admissions (call_id);

-- Whose turn it was last, for the turns between organizations.
create sequence admission_turn;
create table admission_turns (
  organization_id uuid not null,
  environment text not null,
  turn bigint not null,
  primary key (organization_id, environment)
);

-- What was said, as it is said. In the order of the feed together with the events.
create table call_turns (
  call_id uuid not null,
  position bigint not null default nextval('call_events_position_seq'),
  transaction_id xid8 not null default pg_current_xact_id(),
  speaker text not null check (speaker in ('agent', 'customer')),
  text text not null,
  start_ms int not null,
  end_ms int not null,
  recorded_at timestamptz not null default now(),
  primary key (call_id, speaker, start_ms)
);
create index call_turns_feed on call_turns (transaction_id, position);

-- CloudEvents that have been taken in, by what makes one unique.
create table received_events (
  organization_id uuid not null,
  source text not null,
  id text not null,
  received_at timestamptz not null default now(),
  primary key (organization_id, source, id)
);
create index received_events_by_age on received_events (received_at);
