-- Whom to tell what happened.
create table webhook_endpoints (
  id uuid primary key,
  organization_id uuid not null references organizations (id),
  environment text not null check (environment in ('live', 'test')),
  url text not null,
  description text,
  events text[] not null,
  is_active boolean not null default true,
  -- Encrypted with a key from the settings, and good for this row only; see src/platform/secret-box.ts.
  sealed_secret text not null,
  -- The secret before the last rotation, which signs as well until then.
  sealed_old_secret text,
  old_secret_until timestamptz,
  -- Since when no attempt has succeeded.
  failing_since timestamptz,
  -- Why the server itself stopped telling it.
  disabled_reason text check (disabled_reason in ('gone', 'failing')),
  disabled_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index webhook_endpoints_by_organization on webhook_endpoints (organization_id, environment, id desc);

-- What is to be told, one row an event and endpoint. Whoever takes one moves `due_at` to when others may have it.
create table webhook_deliveries (
  id uuid primary key,
  endpoint_id uuid not null references webhook_endpoints (id) on delete cascade,
  event text not null,
  -- The event is number `sequence` of this call's; null for what is about an endpoint.
  call_id uuid,
  sequence int,
  replay_of uuid,
  status text not null check (status in ('pending', 'delivered', 'failed', 'skipped')),
  attempts int not null default 0,
  due_at timestamptz not null,
  -- It is not due at once only because the call may still be analyzed.
  awaits_analysis boolean not null default false,
  -- How often it was taken: what was taken before is finished in vain.
  takes int not null default 0,
  taken_until timestamptz,
  -- What is sent, the same bytes each time. Not there before the first attempt.
  body text,
  created_at timestamptz not null default now(),
  finished_at timestamptz
);
create unique index webhook_deliveries_once on webhook_deliveries (endpoint_id, call_id, sequence) where replay_of is null;
create index webhook_deliveries_due on webhook_deliveries (endpoint_id, due_at) where status = 'pending';
create index webhook_deliveries_by_endpoint on webhook_deliveries (endpoint_id, id desc);
create index webhook_deliveries_waiting on webhook_deliveries (id) where awaits_analysis;

create table webhook_attempts (
  delivery_id uuid not null references webhook_deliveries (id) on delete cascade,
  attempt int not null,
  attempted_at timestamptz not null,
  -- As they were sent: signatures, but no secret.
  request_headers jsonb not null,
  -- Of the answer; null when there was none, and then `error` says why.
  status int,
  response_body text,
  error text,
  latency_ms double precision not null,
  primary key (delivery_id, attempt)
);
