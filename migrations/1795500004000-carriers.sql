-- Carriers, and what an organization may dial.

create table carriers (
  id uuid primary key,
  organization_id uuid not null references organizations (id),
  name text not null,
  kind text not null check (kind in ('sip')),
  -- [{ host, port, transport }], the first choice first.
  targets jsonb not null,
  username text,
  -- Encrypted with a key from the settings, and good for this row only; see src/platform/secret-box.ts.
  sealed_password text,
  auth_realm text,
  codecs text[] not null,
  srtp text not null check (srtp in ('off', 'required')),
  caller_id_format text not null check (caller_id_format in ('e164', 'e164_without_plus')),
  number_format text not null check (number_format in ('e164', 'e164_without_plus')),
  from_domain text,
  calls_per_second int check (calls_per_second >= 0),
  max_channels int check (max_channels >= 0),
  registration boolean not null,
  verify_tls boolean not null,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint carriers_password_has_user check ((username is null) = (sealed_password is null)),
  constraint carriers_of_organization unique (organization_id, id)
);

-- Both columns, so that a number can never use the carrier of another organization.
alter table phone_numbers add constraint phone_numbers_carrier
  foreign key (organization_id, carrier_id) references carriers (organization_id, id);
create index phone_numbers_by_carrier on phone_numbers (carrier_id) where carrier_id is not null;

-- Numbers that an organization must not call. Without `expires_at`: never again.
create table suppressions (
  id uuid primary key,
  organization_id uuid not null references organizations (id),
  phone_number text not null,
  -- The same number as the numbering plans write it: +44 020… is +44 20…
  canonical_number text not null,
  reason text,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint suppressions_once unique (organization_id, phone_number)
);
create index suppressions_by_organization on suppressions (organization_id, id desc);
create index suppressions_by_canonical_number on suppressions (organization_id, canonical_number);

-- The defaults are those of an organization that has no row.
create table dialling_policies (
  organization_id uuid primary key references organizations (id),
  allowed_prefixes text[] not null default '{}',
  refused_prefixes text[] not null default '{}',
  allow_premium boolean not null default false,
  allow_satellite boolean not null default false,
  max_spend_per_day double precision check (max_spend_per_day >= 0),
  max_calls_per_number_per_day int check (max_calls_per_number_per_day >= 0),
  -- { start: 'HH:MM', end: 'HH:MM', days: [0 = Sunday …] } in the time of whoever is called.
  calling_hours jsonb,
  allow_unknown_time_zone boolean not null default false,
  updated_at timestamptz not null default now()
);
