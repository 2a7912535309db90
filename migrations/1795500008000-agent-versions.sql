-- What an agent carries, every version of it, and the accounts at providers that it may name.
alter table agents
  add column first_speaker text not null default 'agent' check (first_speaker in ('agent', 'customer')),
  add column model text,
  add column temperature double precision check (temperature between 0 and 2),
  add column providers json,
  add column endpointing json,
  add column interruption json,
  add column silence json,
  add column max_duration_seconds int check (max_duration_seconds > 0),
  add column duration_warning text,
  -- Not jsonb, here and in versions: a model reads properties in the order in which they were written.
  add column tools json,
  add column knowledge_base_ids uuid[] not null default '{}',
  add column greeting_audio_sha256 text,
  add column version int not null default 1;

-- Greetings of all versions. Takes the place of agent_audio, which a later release takes away.
create table agent_greetings (
  agent_id uuid not null references agents on delete cascade,
  sha256 text not null,
  organization_id uuid not null,
  pcm bytea not null,
  created_at timestamptz not null default now(),
  primary key (agent_id, sha256)
);
insert into agent_greetings (agent_id, sha256, organization_id, pcm, created_at)
  select agent_id, encode(sha256(pcm), 'hex'), organization_id, pcm, updated_at from agent_audio;
update agents a set greeting_audio_sha256 = g.sha256 from agent_greetings g where g.agent_id = a.id;

-- A version never changes. Secrets in it are encrypted; see src/platform/secret-box.ts.
create table agent_versions (
  agent_id uuid not null references agents on delete cascade,
  version int not null check (version > 0),
  organization_id uuid not null references organizations (id),
  configuration json not null,
  created_at timestamptz not null default now(),
  primary key (agent_id, version)
);
insert into agent_versions (agent_id, version, organization_id, configuration, created_at)
  select id, 1, organization_id, json_build_object(
    'agentName', agent_name, 'agentType', agent_type, 'callDirection', call_direction,
    'prompt', prompt, 'firstMessage', first_message, 'firstSpeaker', first_speaker,
    'voiceId', voice_id, 'language', language, 'model', model, 'temperature', temperature,
    'providers', providers, 'endpointing', endpointing, 'interruption', interruption, 'silence', silence,
    'maxDurationSeconds', max_duration_seconds, 'durationWarning', duration_warning,
    'tools', tools, 'knowledgeBaseIds', knowledge_base_ids, 'recordCalls', record_calls,
    'onMachine', on_machine, 'voicemailMessage', voicemail_message, 'listenSeconds', listen_seconds,
    'analysisSchema', analysis_schema, 'greetingAudioSha256', greeting_audio_sha256
  ), updated_at
  from agents;

create table provider_accounts (
  id uuid primary key,
  organization_id uuid not null references organizations (id),
  name text not null,
  kind text not null check (kind in ('openai', 'deepgram')),
  base_url text,
  -- Encrypted with a key from the settings, and good for this row only.
  sealed_api_key text,
  -- Its last characters, for people to know it by.
  api_key_ending text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index provider_accounts_by_organization on provider_accounts (organization_id, id desc);
