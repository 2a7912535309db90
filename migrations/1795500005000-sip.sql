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

-- The numbers that calls wait to be made from, found by skipping along the index, and the carrier of each: that of the
-- number where it is active, else `default`. Simulated calls have none.
create function waiting_numbers() returns table (
  organization_id uuid, environment text, from_number text, carrier text
) language sql stable
set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off set jit = off
as $$
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
  ) select l.organization_id, l.environment, l.from_number,
      case when l.environment = 'live' then coalesce((
        select c.id::text from phone_numbers p
        join carriers c on c.organization_id = p.organization_id and c.id = p.carrier_id and c.is_active
        where p.organization_id = l.organization_id and p.phone_number = l.from_number
      ), 'default') end
    from lines l
$$;

drop function admit_calls(uuid, text, text, int, int, int, int, int);
create index live_calls_by_carrier on live_calls (carrier);

-- Lets the next calls through to a carrier; see src/calls/dispatch/admission.ts. The lock makes admissions happen one
-- after the other; every statement after it sees what the one before has committed.
--
-- No second, wherever it begins, sees more than `per_second` calls asked for: of any that many and one more, the last to
-- be admitted would have found all others counted.
--
-- The settings keep the planner on the indexes: with a backlog it would rather read and sort the whole of it. `now_at`
-- is a variable because with a volatile function the walk along a line would not end at the first call that is not due.
create function admit_calls(
  worker uuid, env text, carrier_name text, lease_ms int, organization_limit int, number_limit int, per_second int,
  channels int, most int
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
  if channels > 0 then
    select least(allowance, channels - count(*)) into allowance from live_calls l where l.carrier = carrier_name;
  end if;
  while allowance > 0 loop
    return query
    with lines as materialized (
      select w.organization_id, w.from_number from waiting_numbers() w
      where w.environment = env and (env = 'test' or w.carrier = carrier_name)
    ), room as materialized (
      select o.id, t.turn as last_turn, nullif(coalesce(o.max_concurrent_calls, organization_limit), 0) - (
        select count(*) from live_calls l where l.organization_id = o.id and l.environment = env
      ) as places
      from (select distinct l.organization_id from lines l) l
      join organizations o on o.id = l.organization_id
      left join admission_turns t on t.organization_id = o.id and t.environment = env
    ), numbers as materialized (
      select r.*, l.from_number, nullif(coalesce(p.max_concurrent_calls, number_limit), 0) - (
        select count(*) from live_calls c
        where c.organization_id = l.organization_id and c.environment = env and c.from_number = l.from_number
      ) as number_places
      from lines l join room r on r.id = l.organization_id
      left join phone_numbers p on p.organization_id = l.organization_id and p.phone_number = l.from_number
      where r.places is null or r.places > 0
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
