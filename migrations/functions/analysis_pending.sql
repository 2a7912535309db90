-- Caller: src/webhooks/delivery-jobs.ts
--
-- Whether an analysis of a call may still come: it is due, or the analysis has not read the event that ended the call,
-- which stands at (`ended_in`, `ended_at`) of the feed.
create or replace function analysis_pending(call uuid, ended_in xid8, ended_at bigint) returns boolean
language sql stable as $$
  select exists (select from call_assessments j where j.call_id = call) or not exists (
    select from feed_checkpoints f
    where f.name = 'assess' and (f.transaction_id, f.position) >= (ended_in, ended_at)
  )
$$;
