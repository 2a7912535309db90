-- What happened to each call, in order and for good.
create table call_events (
  stream_id uuid not null,
  version int not null check (version > 0),
  position bigint not null generated always as identity,
  transaction_id xid8 not null default pg_current_xact_id(),
  type text not null,
  data jsonb not null,
  metadata jsonb not null,
  recorded_at timestamptz not null default now(),
  primary key (stream_id, version)
);
-- The order of the feed: a position alone can become visible after a later one.
create index call_events_feed on call_events (transaction_id, position);

-- Where each reader of the feed has got to. The transaction and position of the last event that it has handled.
create table feed_checkpoints (
  name text primary key,
  transaction_id xid8 not null default '0',
  position bigint not null default 0,
  updated_at timestamptz not null default now()
);

-- Who deleted what and why, when the law asks for it.
create table call_event_erasures (
  stream_id uuid not null,
  version int not null,
  type text not null,
  reason text not null,
  erased_by text not null default session_user,
  erased_at timestamptz not null default now()
);

-- Events are facts. Deleting takes `set local outdial.erase_reason = '…'` and leaves a trace; the one change allowed is
-- the order of the feed while it is mended after a restore (`set local outdial.feed_repair = 'on'`).
create function keep_call_events() returns trigger language plpgsql as $$
declare
  reason text := current_setting('outdial.erase_reason', true);
begin
  if tg_op = 'DELETE' and reason <> '' then
    insert into call_event_erasures (stream_id, version, type, reason) values (old.stream_id, old.version, old.type, reason);
    return old;
  end if;
  if tg_op = 'UPDATE' and current_setting('outdial.feed_repair', true) = 'on' then
    new.stream_id := old.stream_id;
    new.version := old.version;
    new.type := old.type;
    new.data := old.data;
    new.metadata := old.metadata;
    new.recorded_at := old.recorded_at;
    return new;
  end if;
  raise exception 'call_events rows are immutable (% refused)', lower(tg_op) using errcode = 'restrict_violation';
end $$;

create trigger call_events_immutable before update or delete on call_events
  for each row execute function keep_call_events();
create trigger call_events_not_truncated before truncate on call_events
  for each statement execute function keep_call_events();
