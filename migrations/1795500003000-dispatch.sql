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

-- Lets the next calls through to a carrier; see src/calls/dispatch/admission.ts. The lock makes admissions happen one
-- after the other; every statement after it sees what the one before has committed.
--
-- No second, wherever it begins, sees more than `per_second` calls asked for: of any that many and one more, the last to
-- be admitted would have found all others counted.
--
-- The settings keep the planner on the indexes: with a backlog it would rather read and sort the whole of it. `now_at`
-- is a variable because with a volatile function the walk along a line would not end at the first call that is not due.
create function admit_calls(
  worker uuid, env text, carrier_name text, lease_ms int, organization_limit int, number_limit int, per_second int, most int
) returns table (call_id uuid, retry_in_ms int)
language plpgsql
set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off set jit = off
as $$
declare
  allowance int := most;
  -- The most calls of an organization in one pass: small at first, so that with many organizations little is read.
  share int := 4;
  admitted int;
  frees_at timestamptz;
  now_at timestamptz;
begin
  perform pg_advisory_xact_lock(7246332);
  now_at := clock_timestamp();
  if per_second > 0 then
    -- A worker that has not asked after ten seconds has died; it will not ask any more.
    delete from carrier_admissions c
    where c.carrier = carrier_name
      and coalesce(c.asked_at + interval '1 s', c.admitted_at + interval '10 s') <= now_at;
    -- After the clock was set back: they count for one second more, and not until it has caught up.
    update carrier_admissions c
    set admitted_at = least(c.admitted_at, clock_timestamp()), asked_at = least(c.asked_at, clock_timestamp())
    where c.carrier = carrier_name and greatest(c.admitted_at, c.asked_at) > clock_timestamp();
    select least(most, per_second - count(*)) into allowance from carrier_admissions c where c.carrier = carrier_name;
  end if;
  while allowance > 0 loop
    return query
    with recursive lines as (
      (
        select c.organization_id, c.environment, c.from_number from calls c where c.status = 'queued'
        order by c.organization_id, c.environment, c.from_number limit 1
      ) union all
      select n.* from lines l cross join lateral (
        select c.organization_id, c.environment, c.from_number from calls c
        where c.status = 'queued'
          and (c.organization_id, c.environment, c.from_number) > (l.organization_id, l.environment, l.from_number)
        order by c.organization_id, c.environment, c.from_number limit 1
      ) n
    ), room as materialized (
      select o.id, t.turn as last_turn, nullif(coalesce(o.max_concurrent_calls, organization_limit), 0) - (
        select count(*) from live_calls l where l.organization_id = o.id and l.environment = env
      ) as places
      from (select distinct l.organization_id from lines l where l.environment = env) l
      join organizations o on o.id = l.organization_id
      left join admission_turns t on t.organization_id = o.id and t.environment = env
    ), numbers as materialized (
      select r.*, l.from_number, nullif(coalesce(p.max_concurrent_calls, number_limit), 0) - (
        select count(*) from live_calls c
        where c.organization_id = l.organization_id and c.environment = env and c.from_number = l.from_number
      ) as number_places
      from lines l join room r on r.id = l.organization_id
      left join phone_numbers p on p.organization_id = l.organization_id and p.phone_number = l.from_number
      where l.environment = env and (r.places is null or r.places > 0)
    ), waiting as (
      select n.id as organization_id, n.places, n.last_turn, w.*,
        row_number() over (partition by n.id order by w.since, w.id) as turn
      from numbers n
      cross join lateral (
        select c.id, c.from_number, greatest(c.created_at, c.scheduled_at) as since
        from calls c
        where c.organization_id = n.id and c.environment = env and c.from_number = n.from_number
          and c.status = 'queued'
          and greatest(c.created_at, c.scheduled_at) <= now_at
          and (c.not_before is null or c.not_before <= now_at)
          -- The offset keeps this from becoming a join with all that wait.
          and not exists (select from live_calls l where l.call_id = c.id offset 0)
        order by greatest(c.created_at, c.scheduled_at), c.id
        limit least(allowance, share, n.number_places)
      ) w
      where n.number_places is null or n.number_places > 0
    ), chosen as (
      select w.* from waiting w where w.turn <= least(share, w.places)
      order by w.turn, w.last_turn nulls first, w.since, w.id limit allowance
    ), held as (
      insert into live_calls (call_id, organization_id, environment, from_number, carrier, owner, lease_until)
      select c.id, c.organization_id, env, c.from_number, carrier_name, worker,
        clock_timestamp() + lease_ms * interval '1 ms'
      from chosen c order by c.turn, c.last_turn nulls first, c.since, c.id
      returning live_calls.call_id, live_calls.organization_id
    ), turned as (
      insert into admission_turns as t (organization_id, environment, turn)
      select d.organization_id, env, nextval('admission_turn') from (select distinct h.organization_id from held h) d
      on conflict (organization_id, environment) do update set turn = excluded.turn
    ), paced as (
      insert into carrier_admissions (carrier, call_id) select carrier_name, h.call_id from held h where per_second > 0
    ) select h.call_id, null::int from held h;
    get diagnostics admitted = row_count;
    exit when admitted = 0;
    allowance := allowance - admitted;
    share := share * 8;
  end loop;
  -- Calls may be left that only the pace holds back: say when it is worth asking again.
  if per_second > 0 and allowance <= 0 then
    select min(coalesce(c.asked_at, now_at)) + interval '1 s' into frees_at
    from carrier_admissions c where c.carrier = carrier_name having count(*) >= per_second;
    if frees_at is not null then
      call_id := null;
      retry_in_ms := greatest(1, ceil(extract(epoch from frees_at - clock_timestamp()) * 1000)::int);
      return next;
    end if;
  end if;
end $$;
