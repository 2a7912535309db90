-- Callers: admit_calls, src/dialing/call-queue.ts
--
-- The phone numbers with queued calls, found by skipping along the index, and the carrier of each: the number's own where
-- it is active, else `default`. Calls of test mode have none.
create or replace function waiting_numbers() returns table (
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
