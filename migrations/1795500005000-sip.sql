-- What is known of a call's line: who answered, and how good it was.
alter table calls add column answered_by jsonb;
alter table calls add column quality jsonb;

-- What SIP has been asked for, written before it is asked: a reference is dialled by one process, once. Whoever takes a
-- call over from a dead worker finds here whether the phone was rung, and the dialog to end.
create table sip_legs (
  reference text primary key,
  call_id uuid,
  organization_id uuid,
  carrier_id text,
  state text not null check (state in ('never', 'dialing', 'answered', 'over')),
  -- The dialog of an answered call (RFC 3261 section 12), enough to send a BYE.
  dialog jsonb,
  answered_at timestamptz,
  -- All that was signalled, once it is over.
  signals jsonb,
  updated_at timestamptz not null default now()
);
create index sip_legs_by_age on sip_legs (updated_at);

create index calls_recorded on calls (ended_at) where recording is not null;
create index calls_live_started on calls (organization_id, started_at) where environment = 'live' and started_at is not null;

-- Which numbers were dialled on a day, for the limit of calls to one number.
create table dialled_numbers (
  organization_id uuid not null,
  day date not null,
  to_number text not null,
  call_id uuid not null,
  primary key (organization_id, day, to_number, call_id)
);
create index dialled_numbers_by_day on dialled_numbers (day);

-- How agents behave on live calls.
alter table agents add column record_calls boolean not null default true;
alter table agents add column on_machine text not null default 'carry_on'
  check (on_machine in ('hang_up', 'leave_message', 'carry_on'));
alter table agents add column voicemail_message text;
alter table agents add column listen_seconds int not null default 30 check (listen_seconds between 0 and 3600);

-- What an agent plays instead of speaking: PCM16 at 8 kHz, little-endian.
create table agent_audio (
  agent_id uuid primary key references agents on delete cascade,
  organization_id uuid not null,
  pcm bytea not null,
  updated_at timestamptz not null default now()
);

create index live_calls_by_carrier on live_calls (carrier);
