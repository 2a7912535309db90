-- Caller: src/dialing/call-queue.ts
--
-- Claims the next due calls of a carrier for a worker. The lock serializes claims; every statement after it sees what
-- the claim before has committed.
--
-- No rolling second contains more than `per_second` calls: of that many and one more, the last claim would have counted
-- all others.
--
-- The settings keep the planner on the indexes: with a backlog it would rather read and sort all queued calls. `now_at`
-- is a variable because with a volatile function the index scan would not end at the first call that is not due.
create or replace function admit_calls(
  worker uuid, env text, carrier_name text, lease_ms int, organization_limit int, number_limit int, per_second int,
  channels int, most int
) returns table (call_id uuid, retry_in_ms int)
language plpgsql
set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off set jit = off
as $$
declare
  allowance int := most;
  -- Calls of an organization in one pass: few at first, so that little is read with many organizations.
  share int := 4;
  admitted int;
  frees_at timestamptz;
  now_at timestamptz;
begin
  perform pg_advisory_xact_lock(7246332);
  now_at := clock_timestamp();
  if per_second > 0 then
    -- A worker that has not dialled after ten seconds has died.
    delete from carrier_admissions c
    where c.carrier = carrier_name
      and coalesce(c.asked_at + interval '1 s', c.admitted_at + interval '10 s') <= now_at;
    -- After the clock was set back, rows of the future count for one second more.
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
  -- Calls that only `per_second` holds back: return when to claim again.
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
