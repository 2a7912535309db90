-- Caller: src/compliance/daily-use.ts
--
-- The started minutes of an organization's live calls that were answered today (UTC), as carriers count them: a call in
-- progress counts up to now.
create or replace function live_minutes_today(organization uuid) returns double precision
language sql stable as $$
  select coalesce(sum(ceil(greatest(1, extract(epoch from coalesce(ended_at, now()) - started_at)) / 60)), 0)::float8
  from calls
  where organization_id = organization and environment = 'live' and started_at >= date_trunc('day', now(), 'UTC')
$$;
