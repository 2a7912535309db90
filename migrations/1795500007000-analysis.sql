-- What is found out about calls that are over, and what they cost.
alter table calls
  add column summary text,
  add column sentiment text,
  add column call_successful boolean,
  add column analysis jsonb,
  add column costs jsonb,
  add column token_cost double precision;

-- Not jsonb: a model reads properties in the order in which they were written.
alter table agents add column analysis_schema json;

-- What conversations use, as it is told: a row each time, summed up when the call is over.
create table call_usage (
  id bigint generated always as identity primary key,
  call_id uuid not null,
  stage text not null check (stage in ('transcription', 'model', 'speech', 'analysis')),
  provider text not null,
  seconds double precision,
  input_tokens bigint,
  output_tokens bigint,
  characters bigint,
  used_at timestamptz not null default now()
);
create index call_usage_by_call on call_usage (call_id);

-- Calls that are over and are still to be assessed and costed. Whoever takes one moves `due_at` to when it is up again.
create table call_assessments (
  call_id uuid primary key,
  due_at timestamptz not null,
  attempts int not null default 0
);
create index call_assessments_due on call_assessments (due_at);
