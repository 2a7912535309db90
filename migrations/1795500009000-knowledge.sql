-- What agents can look up during a call: documents, cut into pieces that full text search finds.

create table knowledge_bases (
  id uuid primary key,
  organization_id uuid not null references organizations (id),
  name text not null,
  description text,
  -- BCP 47, and the text search configuration that goes with it. Not regconfig: pg_upgrade refuses columns of that type.
  language text not null,
  text_search text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id)
);

create table knowledge_documents (
  id uuid primary key,
  organization_id uuid not null,
  knowledge_base_id uuid not null,
  name text not null,
  media_type text not null,
  sha256 bytea not null,
  bytes int not null,
  characters int not null,
  chunks int not null,
  -- Of PDFs.
  pages int,
  created_at timestamptz not null default now(),
  constraint knowledge_documents_base foreign key (organization_id, knowledge_base_id)
    references knowledge_bases (organization_id, id) on delete cascade,
  constraint knowledge_documents_once unique (knowledge_base_id, sha256),
  unique (organization_id, id)
);
create index knowledge_documents_by_base on knowledge_documents (organization_id, knowledge_base_id, id desc);

create table knowledge_chunks (
  document_id uuid not null,
  -- From 0, in the order of the document.
  position int not null,
  organization_id uuid not null,
  knowledge_base_id uuid not null,
  heading text,
  page int,
  text text not null,
  search tsvector not null,
  primary key (document_id, position),
  constraint knowledge_chunks_document foreign key (organization_id, document_id)
    references knowledge_documents (organization_id, id) on delete cascade
);
create index knowledge_chunks_by_base on knowledge_chunks (organization_id, knowledge_base_id);
create index knowledge_chunks_search on knowledge_chunks using gin (search);

-- What full text search knows of a piece: its headings above all, then its text, then what its document is called.
create function knowledge_search(configuration text, heading text, body text, document text) returns tsvector
language sql stable as $$
  select setweight(to_tsvector(configuration::regconfig, coalesce(heading, '')), 'A')
    || setweight(to_tsvector(configuration::regconfig, body), 'B')
    || setweight(to_tsvector(configuration::regconfig, regexp_replace(document, '[^[:alnum:]]+', ' ', 'g')), 'C')
$$;

alter table agents add column if not exists knowledge_base_ids uuid[] not null default '{}';
