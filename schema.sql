-- The present schema, generated from the catalogue by `npm run generate`. Migrations make it.

-- Sequences

create sequence admission_turn;

-- Tables

create table admission_turns (
  organization_id uuid not null,
  environment text not null,
  turn bigint not null,
  constraint admission_turns_pkey PRIMARY KEY (organization_id, environment)
) with ();

create table agent_audio (
  agent_id uuid not null,
  organization_id uuid not null,
  pcm bytea not null,
  updated_at timestamp with time zone default now() not null,
  constraint agent_audio_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES agents(id) ON DELETE CASCADE,
  constraint agent_audio_pkey PRIMARY KEY (agent_id)
) with ();

create table agent_greetings (
  agent_id uuid not null,
  sha256 text not null,
  organization_id uuid not null,
  pcm bytea not null,
  created_at timestamp with time zone default now() not null,
  constraint agent_greetings_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES agents(id) ON DELETE CASCADE,
  constraint agent_greetings_pkey PRIMARY KEY (agent_id, sha256)
) with ();

create table agent_versions (
  agent_id uuid not null,
  version integer not null,
  organization_id uuid not null,
  configuration json not null,
  created_at timestamp with time zone default now() not null,
  constraint agent_versions_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES agents(id) ON DELETE CASCADE,
  constraint agent_versions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  constraint agent_versions_pkey PRIMARY KEY (agent_id, version),
  constraint agent_versions_version_check CHECK ((version > 0))
) with ();

create table agents (
  id uuid not null,
  organization_id uuid not null,
  agent_name text not null,
  agent_type text not null,
  call_direction text not null,
  voice_id text,
  language text,
  prompt text,
  first_message text,
  is_active boolean default true not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  record_calls boolean default true not null,
  on_machine text default 'carry_on'::text not null,
  voicemail_message text,
  listen_seconds integer default 30 not null,
  analysis_schema json,
  first_speaker text default 'agent'::text not null,
  model text,
  temperature double precision,
  providers json,
  endpointing json,
  interruption json,
  silence json,
  max_duration_seconds integer,
  duration_warning text,
  tools json,
  knowledge_base_ids uuid[] default '{}'::uuid[] not null,
  greeting_audio_sha256 text,
  version integer default 1 not null,
  apology text,
  constraint agents_call_direction_check CHECK ((call_direction = ANY (ARRAY['INBOUND'::text, 'OUTBOUND'::text, 'BOTH'::text]))),
  constraint agents_first_speaker_check CHECK ((first_speaker = ANY (ARRAY['agent'::text, 'customer'::text]))),
  constraint agents_listen_seconds_check CHECK (((listen_seconds >= 0) AND (listen_seconds <= 3600))),
  constraint agents_max_duration_seconds_check CHECK ((max_duration_seconds > 0)),
  constraint agents_on_machine_check CHECK ((on_machine = ANY (ARRAY['hang_up'::text, 'leave_message'::text, 'carry_on'::text]))),
  constraint agents_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  constraint agents_pkey PRIMARY KEY (id),
  constraint agents_temperature_check CHECK (((temperature >= (0)::double precision) AND (temperature <= (2)::double precision)))
) with ();

create table api_keys (
  id uuid not null,
  organization_id uuid not null,
  name text not null,
  environment text not null,
  scopes text[] not null,
  hash bytea not null,
  ending text not null,
  rate_limit_per_minute integer,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  created_at timestamp with time zone default now() not null,
  constraint api_keys_environment_check CHECK ((environment = ANY (ARRAY['live'::text, 'test'::text]))),
  constraint api_keys_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  constraint api_keys_pkey PRIMARY KEY (id),
  constraint api_keys_rate_limit_per_minute_check CHECK ((rate_limit_per_minute >= 0))
) with ();

create table applied_functions (
  name text not null,
  hash text not null,
  constraint applied_functions_pkey PRIMARY KEY (name)
) with ();

create table call_assessments (
  call_id uuid not null,
  due_at timestamp with time zone not null,
  attempts integer default 0 not null,
  constraint call_assessments_pkey PRIMARY KEY (call_id)
) with ();

create table call_count_deltas (
  id bigint generated always as identity not null,
  organization_id uuid not null,
  environment text not null,
  starts_at timestamp with time zone not null,
  status text not null,
  direction text not null,
  calls bigint not null,
  constraint call_count_deltas_pkey PRIMARY KEY (id)
) with ();

create table call_counts (
  organization_id uuid not null,
  environment text not null,
  span text not null,
  starts_at timestamp with time zone not null,
  status text not null,
  direction text not null,
  calls bigint not null,
  constraint call_counts_pkey PRIMARY KEY (organization_id, environment, span, starts_at, status, direction),
  constraint call_counts_span_check CHECK ((span = ANY (ARRAY['day'::text, 'hour'::text])))
) with (fillfactor=70);

create table call_event_erasures (
  stream_id uuid not null,
  version integer not null,
  type text not null,
  reason text not null,
  erased_by text default SESSION_USER not null,
  erased_at timestamp with time zone default now() not null
) with ();

create table call_events (
  stream_id uuid not null,
  version integer not null,
  "position" bigint generated by default as identity not null,
  transaction_id xid8 default pg_current_xact_id() not null,
  type text not null,
  data jsonb not null,
  metadata jsonb not null,
  recorded_at timestamp with time zone default now() not null,
  constraint call_events_pkey PRIMARY KEY (stream_id, version),
  constraint call_events_version_check CHECK ((version > 0))
) with ();

create table call_turns (
  call_id uuid not null,
  "position" bigint default nextval('call_events_position_seq'::regclass) not null,
  transaction_id xid8 default pg_current_xact_id() not null,
  speaker text not null,
  text text not null,
  start_ms integer not null,
  end_ms integer not null,
  recorded_at timestamp with time zone default now() not null,
  interrupted boolean default false not null,
  latency jsonb,
  constraint call_turns_pkey PRIMARY KEY (call_id, speaker, start_ms),
  constraint call_turns_speaker_check CHECK ((speaker = ANY (ARRAY['agent'::text, 'customer'::text])))
) with ();

create table call_usage (
  id bigint generated always as identity not null,
  call_id uuid not null,
  stage text not null,
  provider text not null,
  seconds double precision,
  input_tokens bigint,
  output_tokens bigint,
  characters bigint,
  used_at timestamp with time zone default now() not null,
  constraint call_usage_pkey PRIMARY KEY (id),
  constraint call_usage_stage_check CHECK ((stage = ANY (ARRAY['transcription'::text, 'model'::text, 'speech'::text, 'analysis'::text])))
) with ();

create table calls (
  id uuid not null,
  version integer not null,
  organization_id uuid not null,
  environment text not null,
  agent_id uuid not null,
  campaign_id uuid,
  status text not null,
  direction text not null,
  from_number text not null,
  to_number text not null,
  customer_name text,
  voice_id text,
  language text,
  dynamic_variables jsonb,
  metadata jsonb,
  disable_knowledge_bases boolean not null,
  scheduled_at timestamp with time zone,
  attempt integer not null,
  disconnection_reason text,
  outcome jsonb,
  duration integer,
  created_at timestamp with time zone not null,
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  not_before timestamp with time zone,
  recording text,
  answered_by jsonb,
  quality jsonb,
  summary text,
  sentiment text,
  call_successful boolean,
  analysis jsonb,
  costs jsonb,
  token_cost double precision,
  agent_version integer,
  constraint calls_pkey PRIMARY KEY (id)
) with (fillfactor=80);

create table carrier_admissions (
  carrier text not null,
  call_id uuid not null,
  admitted_at timestamp with time zone default clock_timestamp() not null,
  asked_at timestamp with time zone
) with ();

create table carriers (
  id uuid not null,
  organization_id uuid not null,
  name text not null,
  kind text not null,
  targets jsonb not null,
  username text,
  sealed_password text,
  auth_realm text,
  codecs text[] not null,
  srtp text not null,
  caller_id_format text not null,
  number_format text not null,
  from_domain text,
  calls_per_second integer,
  max_channels integer,
  registration boolean not null,
  verify_tls boolean not null,
  is_active boolean default true not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  constraint carriers_caller_id_format_check CHECK ((caller_id_format = ANY (ARRAY['e164'::text, 'e164_without_plus'::text]))),
  constraint carriers_calls_per_second_check CHECK ((calls_per_second >= 0)),
  constraint carriers_kind_check CHECK ((kind = 'sip'::text)),
  constraint carriers_max_channels_check CHECK ((max_channels >= 0)),
  constraint carriers_number_format_check CHECK ((number_format = ANY (ARRAY['e164'::text, 'e164_without_plus'::text]))),
  constraint carriers_of_organization UNIQUE (organization_id, id),
  constraint carriers_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  constraint carriers_password_has_user CHECK (((username IS NULL) = (sealed_password IS NULL))),
  constraint carriers_pkey PRIMARY KEY (id),
  constraint carriers_srtp_check CHECK ((srtp = ANY (ARRAY['off'::text, 'required'::text])))
) with ();

create table dialled_numbers (
  organization_id uuid not null,
  day date not null,
  to_number text not null,
  call_id uuid not null,
  constraint dialled_numbers_pkey PRIMARY KEY (organization_id, day, to_number, call_id)
) with ();

create table dialling_policies (
  organization_id uuid not null,
  allowed_prefixes text[] default '{}'::text[] not null,
  refused_prefixes text[] default '{}'::text[] not null,
  allow_premium boolean default false not null,
  allow_satellite boolean default false not null,
  max_spend_per_day double precision,
  max_calls_per_number_per_day integer,
  calling_hours jsonb,
  allow_unknown_time_zone boolean default false not null,
  updated_at timestamp with time zone default now() not null,
  constraint dialling_policies_max_calls_per_number_per_day_check CHECK ((max_calls_per_number_per_day >= 0)),
  constraint dialling_policies_max_spend_per_day_check CHECK ((max_spend_per_day >= (0)::double precision)),
  constraint dialling_policies_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  constraint dialling_policies_pkey PRIMARY KEY (organization_id)
) with ();

create table feed_checkpoints (
  name text not null,
  transaction_id xid8 default '0'::xid8 not null,
  "position" bigint default 0 not null,
  updated_at timestamp with time zone default now() not null,
  constraint feed_checkpoints_pkey PRIMARY KEY (name)
) with ();

create table idempotency_keys (
  organization_id uuid not null,
  environment text not null,
  key text not null,
  request_hash bytea not null,
  call_id uuid not null,
  status integer not null,
  body text not null,
  created_at timestamp with time zone default now() not null,
  constraint idempotency_keys_pkey PRIMARY KEY (organization_id, environment, key)
) with ();

create table knowledge_bases (
  id uuid not null,
  organization_id uuid not null,
  name text not null,
  description text,
  language text not null,
  text_search text not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  constraint knowledge_bases_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  constraint knowledge_bases_organization_id_id_key UNIQUE (organization_id, id),
  constraint knowledge_bases_pkey PRIMARY KEY (id)
) with ();

create table knowledge_chunks (
  document_id uuid not null,
  "position" integer not null,
  organization_id uuid not null,
  knowledge_base_id uuid not null,
  heading text,
  page integer,
  text text not null,
  search tsvector not null,
  constraint knowledge_chunks_document FOREIGN KEY (organization_id, document_id) REFERENCES knowledge_documents(organization_id, id) ON DELETE CASCADE,
  constraint knowledge_chunks_pkey PRIMARY KEY (document_id, "position")
) with ();

create table knowledge_documents (
  id uuid not null,
  organization_id uuid not null,
  knowledge_base_id uuid not null,
  name text not null,
  media_type text not null,
  sha256 bytea not null,
  bytes integer not null,
  characters integer not null,
  chunks integer not null,
  pages integer,
  created_at timestamp with time zone default now() not null,
  constraint knowledge_documents_base FOREIGN KEY (organization_id, knowledge_base_id) REFERENCES knowledge_bases(organization_id, id) ON DELETE CASCADE,
  constraint knowledge_documents_once UNIQUE (knowledge_base_id, sha256),
  constraint knowledge_documents_organization_id_id_key UNIQUE (organization_id, id),
  constraint knowledge_documents_pkey PRIMARY KEY (id)
) with ();

create table live_calls (
  call_id uuid not null,
  organization_id uuid not null,
  environment text not null,
  from_number text not null,
  carrier text not null,
  owner uuid not null,
  lease_until timestamp with time zone not null,
  admitted_at timestamp with time zone default clock_timestamp() not null,
  constraint live_calls_pkey PRIMARY KEY (call_id)
) with ();

create table migrations (
  id integer default nextval('migrations_id_seq'::regclass) not null,
  "timestamp" bigint not null,
  name character varying not null,
  constraint "PK_8c82d7f526340ab734260ea46be" PRIMARY KEY (id)
) with ();

create table organizations (
  id uuid not null,
  name text not null,
  created_at timestamp with time zone default now() not null,
  max_concurrent_calls integer,
  constraint organizations_max_concurrent_calls_check CHECK ((max_concurrent_calls >= 0)),
  constraint organizations_pkey PRIMARY KEY (id)
) with ();

create table phone_numbers (
  id uuid not null,
  organization_id uuid not null,
  phone_number text not null,
  label text,
  carrier_id uuid,
  created_at timestamp with time zone default now() not null,
  max_concurrent_calls integer,
  constraint phone_numbers_carrier FOREIGN KEY (organization_id, carrier_id) REFERENCES carriers(organization_id, id),
  constraint phone_numbers_max_concurrent_calls_check CHECK ((max_concurrent_calls >= 0)),
  constraint phone_numbers_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  constraint phone_numbers_pkey PRIMARY KEY (id)
) with ();

create table provider_accounts (
  id uuid not null,
  organization_id uuid not null,
  name text not null,
  kind text not null,
  base_url text,
  sealed_api_key text,
  api_key_ending text,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  constraint provider_accounts_kind_check CHECK ((kind = ANY (ARRAY['openai'::text, 'deepgram'::text]))),
  constraint provider_accounts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  constraint provider_accounts_pkey PRIMARY KEY (id)
) with ();

create unlogged table rate_windows (
  key_id uuid not null,
  second bigint not null,
  hits integer[] not null,
  constraint rate_windows_pkey PRIMARY KEY (key_id)
) with (fillfactor=10);

create table received_events (
  organization_id uuid not null,
  source text not null,
  id text not null,
  received_at timestamp with time zone default now() not null,
  environment text not null,
  constraint received_events_pkey PRIMARY KEY (organization_id, environment, source, id)
) with ();

create table sip_legs (
  reference text not null,
  call_id uuid,
  organization_id uuid,
  carrier_id text,
  state text not null,
  dialog jsonb,
  answered_at timestamp with time zone,
  signals jsonb,
  updated_at timestamp with time zone default now() not null,
  constraint sip_legs_pkey PRIMARY KEY (reference),
  constraint sip_legs_state_check CHECK ((state = ANY (ARRAY['never'::text, 'dialing'::text, 'answered'::text, 'over'::text])))
) with ();

create table suppressions (
  id uuid not null,
  organization_id uuid not null,
  phone_number text not null,
  canonical_number text not null,
  reason text,
  expires_at timestamp with time zone,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  constraint suppressions_once UNIQUE (organization_id, phone_number),
  constraint suppressions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  constraint suppressions_pkey PRIMARY KEY (id)
) with ();

create table webhook_attempts (
  delivery_id uuid not null,
  attempt integer not null,
  attempted_at timestamp with time zone not null,
  request_headers jsonb not null,
  status integer,
  response_body text,
  error text,
  latency_ms double precision not null,
  constraint webhook_attempts_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES webhook_deliveries(id) ON DELETE CASCADE,
  constraint webhook_attempts_pkey PRIMARY KEY (delivery_id, attempt)
) with ();

create table webhook_deliveries (
  id uuid not null,
  endpoint_id uuid not null,
  event text not null,
  call_id uuid,
  sequence integer,
  replay_of uuid,
  status text not null,
  attempts integer default 0 not null,
  due_at timestamp with time zone not null,
  awaits_analysis boolean default false not null,
  takes integer default 0 not null,
  taken_until timestamp with time zone,
  body text,
  created_at timestamp with time zone default now() not null,
  finished_at timestamp with time zone,
  constraint webhook_deliveries_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES webhook_endpoints(id) ON DELETE CASCADE,
  constraint webhook_deliveries_pkey PRIMARY KEY (id),
  constraint webhook_deliveries_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text, 'skipped'::text])))
) with ();

create table webhook_endpoints (
  id uuid not null,
  organization_id uuid not null,
  environment text not null,
  url text not null,
  description text,
  events text[] not null,
  is_active boolean default true not null,
  sealed_secret text not null,
  sealed_old_secret text,
  old_secret_until timestamp with time zone,
  failing_since timestamp with time zone,
  disabled_reason text,
  disabled_at timestamp with time zone,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  constraint webhook_endpoints_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['gone'::text, 'failing'::text]))),
  constraint webhook_endpoints_environment_check CHECK ((environment = ANY (ARRAY['live'::text, 'test'::text]))),
  constraint webhook_endpoints_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  constraint webhook_endpoints_pkey PRIMARY KEY (id)
) with ();

-- Indexes

CREATE INDEX agents_by_organization ON public.agents USING btree (organization_id, id DESC) WHERE is_active;

CREATE INDEX api_keys_by_organization ON public.api_keys USING btree (organization_id, id DESC);

CREATE UNIQUE INDEX api_keys_hash ON public.api_keys USING btree (hash);

CREATE INDEX call_assessments_due ON public.call_assessments USING btree (due_at);

CREATE INDEX call_count_deltas_by_organization ON public.call_count_deltas USING btree (organization_id, environment, starts_at);

CREATE INDEX call_events_feed ON public.call_events USING btree (transaction_id, "position");

CREATE INDEX call_turns_feed ON public.call_turns USING btree (transaction_id, "position");

CREATE INDEX call_usage_by_call ON public.call_usage USING btree (call_id);

CREATE INDEX calls_live_started ON public.calls USING btree (organization_id, started_at) WHERE ((environment = 'live'::text) AND (started_at IS NOT NULL));

CREATE INDEX calls_newest ON public.calls USING btree (organization_id, environment, id);

CREATE INDEX calls_newest_by_status ON public.calls USING btree (organization_id, environment, status, id);

CREATE INDEX calls_newest_inbound ON public.calls USING btree (organization_id, environment, id) WHERE (direction = 'INBOUND'::text);

CREATE INDEX calls_recorded ON public.calls USING btree (ended_at) WHERE (recording IS NOT NULL);

CREATE INDEX calls_under_way ON public.calls USING btree (id) WHERE (status = 'in_progress'::text);

CREATE INDEX calls_waiting ON public.calls USING btree (organization_id, environment, from_number, GREATEST(created_at, scheduled_at), id) WHERE (status = 'queued'::text);

CREATE INDEX carrier_admissions_by_call ON public.carrier_admissions USING btree (call_id);

CREATE INDEX carrier_admissions_by_carrier ON public.carrier_admissions USING btree (carrier);

CREATE INDEX dialled_numbers_by_day ON public.dialled_numbers USING btree (day);

CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);

CREATE INDEX knowledge_chunks_by_base ON public.knowledge_chunks USING btree (organization_id, knowledge_base_id);

CREATE INDEX knowledge_chunks_search ON public.knowledge_chunks USING gin (search);

CREATE INDEX knowledge_documents_by_base ON public.knowledge_documents USING btree (organization_id, knowledge_base_id, id DESC);

CREATE INDEX live_calls_by_carrier ON public.live_calls USING btree (carrier);

CREATE INDEX live_calls_by_lease ON public.live_calls USING btree (lease_until);

CREATE INDEX live_calls_by_organization ON public.live_calls USING btree (organization_id, environment, from_number);

CREATE INDEX live_calls_by_owner ON public.live_calls USING btree (owner);

CREATE INDEX phone_numbers_by_carrier ON public.phone_numbers USING btree (carrier_id) WHERE (carrier_id IS NOT NULL);

CREATE UNIQUE INDEX phone_numbers_once ON public.phone_numbers USING btree (organization_id, phone_number);

CREATE INDEX provider_accounts_by_organization ON public.provider_accounts USING btree (organization_id, id DESC);

CREATE INDEX received_events_by_age ON public.received_events USING btree (received_at);

CREATE INDEX sip_legs_by_age ON public.sip_legs USING btree (updated_at);

CREATE INDEX suppressions_by_canonical_number ON public.suppressions USING btree (organization_id, canonical_number);

CREATE INDEX suppressions_by_organization ON public.suppressions USING btree (organization_id, id DESC);

CREATE INDEX webhook_deliveries_by_endpoint ON public.webhook_deliveries USING btree (endpoint_id, id DESC);

CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (endpoint_id, due_at) WHERE (status = 'pending'::text);

CREATE UNIQUE INDEX webhook_deliveries_once ON public.webhook_deliveries USING btree (endpoint_id, call_id, sequence) WHERE (replay_of IS NULL);

CREATE INDEX webhook_deliveries_waiting ON public.webhook_deliveries USING btree (id) WHERE awaits_analysis;

CREATE INDEX webhook_endpoints_by_organization ON public.webhook_endpoints USING btree (organization_id, environment, id DESC);

-- Functions

CREATE OR REPLACE FUNCTION public.admit_calls(worker uuid, env text, carrier_name text, lease_ms integer, organization_limit integer, number_limit integer, per_second integer, channels integer, most integer)
 RETURNS TABLE(call_id uuid, retry_in_ms integer)
 LANGUAGE plpgsql
 SET enable_sort TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION public.admit_requests(key_hash bytea, asked integer, default_limit integer)
 RETURNS TABLE(id uuid, organization_id uuid, environment text, scopes text[], usable boolean, rate_limit integer, granted integer, used integer, frees_in integer, frees_at bigint)
 LANGUAGE plpgsql
AS $function$
declare
  k api_keys;
  w rate_windows;
  this_second bigint;
  first_hit int;
begin
  select * into k from api_keys where hash = key_hash;
  if not found then return; end if;
  id := k.id;
  organization_id := k.organization_id;
  environment := k.environment;
  scopes := k.scopes;
  usable := k.revoked_at is null and (k.expires_at is null or k.expires_at > clock_timestamp());
  rate_limit := coalesce(k.rate_limit_per_minute, default_limit);
  granted := asked;
  used := 0;
  if not usable then
    granted := 0;
  elsif rate_limit > 0 then
    select * into w from rate_windows r where r.key_id = k.id for update;
    if not found then
      insert into rate_windows values (k.id, 0, '{}') on conflict do nothing;
      select * into w from rate_windows r where r.key_id = k.id for update;
    end if;
    -- Read under the lock, and never going back, so that windows only slide forward.
    this_second := greatest(floor(extract(epoch from clock_timestamp()))::bigint, w.second);
    w.hits := (array_fill(0, array[least(this_second - w.second, 61)::int]) || w.hits)[1:61];
    used := coalesce((select sum(hit) from unnest(w.hits) hit), 0);
    granted := greatest(least(asked, rate_limit - used), 0);
    used := used + granted;
    w.hits[1] := coalesce(w.hits[1], 0) + granted;
    select max(n) into first_hit from unnest(w.hits) with ordinality as h(hit, n) where hit > 0;
    frees_in := 62 - coalesce(first_hit, 1);
    frees_at := this_second + frees_in;
    if granted > 0 then
      update rate_windows r set second = this_second, hits = w.hits where r.key_id = k.id;
    end if;
  end if;
  return next;
end $function$;

CREATE OR REPLACE FUNCTION public.agents_using_provider(owner uuid, account uuid)
 RETURNS TABLE(id uuid, agent_name text)
 LANGUAGE sql
 STABLE
AS $function$
  select a.id, a.agent_name from agents a
  where a.organization_id = owner and a.is_active
    and jsonb_path_exists(a.providers::jsonb, '$.**.providerId ? (@ == $id)', jsonb_build_object('id', account::text))
  order by a.id
$function$;

CREATE OR REPLACE FUNCTION public.analysis_pending(call uuid, ended_in xid8, ended_at bigint)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select exists (select from call_assessments j where j.call_id = call) or not exists (
    select from feed_checkpoints f
    where f.name = 'assess' and (f.transaction_id, f.position) >= (ended_in, ended_at)
  )
$function$;

CREATE OR REPLACE FUNCTION public.keep_call_events()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION public.knowledge_search(configuration text, heading text, body text, document text)
 RETURNS tsvector
 LANGUAGE sql
 STABLE
AS $function$
  select setweight(to_tsvector(configuration::regconfig, coalesce(heading, '')), 'A')
    || setweight(to_tsvector(configuration::regconfig, body), 'B')
    || setweight(to_tsvector(configuration::regconfig, regexp_replace(document, '[^[:alnum:]]+', ' ', 'g')), 'C')
$function$;

CREATE OR REPLACE FUNCTION public.live_minutes_today(organization uuid)
 RETURNS double precision
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(sum(ceil(greatest(1, extract(epoch from coalesce(ended_at, now()) - started_at)) / 60)), 0)::float8
  from calls
  where organization_id = organization and environment = 'live' and started_at >= date_trunc('day', now(), 'UTC')
$function$;

CREATE OR REPLACE FUNCTION public.waiting_numbers()
 RETURNS TABLE(organization_id uuid, environment text, from_number text, carrier text)
 LANGUAGE sql
 STABLE
 SET enable_sort TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
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
$function$;

-- Triggers

CREATE TRIGGER call_events_immutable BEFORE DELETE OR UPDATE ON public.call_events FOR EACH ROW EXECUTE FUNCTION keep_call_events();

CREATE TRIGGER call_events_not_truncated BEFORE TRUNCATE ON public.call_events FOR EACH STATEMENT EXECUTE FUNCTION keep_call_events();
