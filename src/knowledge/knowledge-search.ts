import { Injectable } from '@nestjs/common';
import { Database, isId } from '../lib/platform/index.js';
import { type Passage } from './citation-text.js';

export const DEFAULT_PASSAGES = 5;
export const MAX_PASSAGES = 20;
/** Characters; the rest of a longer question is not looked at. */
export const MAX_QUERY = 500;
/** Of a question; about half of them are the spaces in between. */
const MAX_TOKENS = 160;
/** `websearch_to_tsquery` has room for 32 operators that wait for their word, and fails with more ("stack too small"). */
const MAX_MINUSES = 16;

type Found = Passage & { position: number };

const PASSAGE = `c.document_id as "documentId", d.name as document, c.heading, c.page, c.text, c.position`;
const DOCUMENT = `join knowledge_documents d on d.id = c.document_id and d.organization_id = c.organization_id`;

/** Passages that have all that was asked for. A query that only excludes words (`querytree` is `T`) asks for nothing. */
const ALL_WORDS = `
  select ${PASSAGE}, 1 + ts_rank_cd(c.search, asked, 32) as rank
  from knowledge_bases b
  cross join lateral websearch_to_tsquery(b.text_search::regconfig, $3) asked
  join knowledge_chunks c
    on c.organization_id = b.organization_id and c.knowledge_base_id = b.id and c.search @@ asked
  ${DOCUMENT}
  where b.organization_id = $1 and b.id = any($2::uuid[]) and querytree(asked) not in ('', 'T')
  order by rank desc, c.document_id, c.position
  limit $4`;

/**
 * Passages that have some of the words, ranked word by word: people ask in sentences, in which the rare words are those
 * that matter. A word counts by how few passages have it, and by its rank in the passage, which 32 keeps below 1.
 */
const SOME_WORDS = `
  with bases as materialized (
    select b.id, b.text_search from knowledge_bases b where b.organization_id = $1 and b.id = any($2::uuid[])
  ), words as materialized (
    select distinct b.text_search, plainto_tsquery(b.text_search::regconfig, t.token) as word
    from (select distinct text_search from bases) b
    cross join (select token from ts_parse('default', $3) limit $5) t
    where numnode(plainto_tsquery(b.text_search::regconfig, t.token)) > 0
  ), size as (
    select greatest(coalesce(sum(d.chunks), 0), 1)::float8 as passages, (select greatest(count(*), 1) from words) as words
    from knowledge_documents d where d.organization_id = $1 and d.knowledge_base_id in (select id from bases)
  ), hits as (
    select c.document_id, c.position, ts_rank_cd(c.search, w.word, 32) as rank, count(*) over (partition by w.word) as having
    from words w
    join bases b on b.text_search = w.text_search
    join knowledge_chunks c
      on c.organization_id = $1 and c.knowledge_base_id = b.id and c.search @@ w.word
  ), best as (
    select h.document_id, h.position,
      sum(h.rank * ln(1 + s.passages / h.having)) / (max(s.words) * ln(1 + max(s.passages))) as rank
    from hits h cross join size s
    group by h.document_id, h.position
    order by rank desc, h.document_id, h.position
    limit $4
  )
  select ${PASSAGE}, best.rank
  from best
  join knowledge_chunks c
    on c.document_id = best.document_id and c.position = best.position and c.organization_id = $1
  ${DOCUMENT}
  order by best.rank desc, c.document_id, c.position`;

/** Looks up what calls are asked about. */
@Injectable()
export class KnowledgeSearch {
  constructor(private readonly database: Database) {}

  /**
   * The passages that fit a question best, best first: those that have all its words, then those that have some. Any
   * text is a question; one without words finds nothing. Bases that the organization does not have are empty ones.
   * @param limit 1 to 20
   */
  async search(
    organizationId: string,
    knowledgeBaseIds: readonly string[],
    query: string,
    limit = DEFAULT_PASSAGES,
  ): Promise<Passage[]> {
    const most = Math.min(Math.max(Math.trunc(limit) || 1, 1), MAX_PASSAGES);
    const asked = [organizationId, knowledgeBaseIds.filter(isId), searchable(query), most];
    const all = await this.database.query<Found>(ALL_WORDS, asked);
    if (all.length >= most) return all.map(toPassage);
    const found = new Set(all.map(placeOf));
    const some = await this.database.query<Found>(SOME_WORDS, [...asked, MAX_TOKENS]);
    return [...all, ...some.filter((each) => !found.has(placeOf(each)))].slice(0, most).map(toPassage);
  }
}

/** What PostgreSQL takes as text, and can parse. */
function searchable(query: string): string {
  let minuses = 0;
  return query
    .slice(0, MAX_QUERY)
    .replace(/[\p{Cc}\p{Cs}]/gu, ' ')
    .replace(/-/g, () => (++minuses > MAX_MINUSES ? ' ' : '-'));
}

const placeOf = ({ documentId, position }: Found): string => `${documentId} ${position}`;
const toPassage = ({ position: _, ...passage }: Found): Passage => passage;
