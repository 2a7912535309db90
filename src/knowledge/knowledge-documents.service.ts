import { createHash } from 'node:crypto';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Database, DomainError, isId, newId, notFound, Page } from '../lib/platform/index.js';
import { type Chunk, chunkText, type Section } from './chunk-text.js';
import { KnowledgeBasesService } from './knowledge-bases.service.js';
import { PdfReader } from './pdf-reader.js';

export interface KnowledgeDocument {
  id: string;
  name: string;
  mediaType: string;
  /** Of the file. */
  bytes: number;
  /** Of its text. */
  characters: number;
  chunks: number;
  /** Of a PDF. */
  pages: number | null;
  createdAt: Date;
}

/** A file as it came. */
export interface KnowledgeFile {
  name: string;
  mediaType: KnowledgeMediaType;
  bytes: Buffer;
}

export const KNOWLEDGE_MEDIA_TYPES = ['text/plain', 'text/markdown', 'application/pdf'] as const;
export type KnowledgeMediaType = (typeof KNOWLEDGE_MEDIA_TYPES)[number];

/** Of a knowledge base. */
const MAX_DOCUMENTS = 1_000;
/** Of a document. Two and a half times as many as the largest file of whole paragraphs has. */
const MAX_CHUNKS = 30_000;
/** So many pieces are made, or stored, at a time. */
const BATCH = 500;

const DOCUMENT = `
  id, name, media_type as "mediaType", bytes, characters, chunks, pages, created_at as "createdAt"`;

/** The documents of knowledge bases. */
@Injectable()
export class KnowledgeDocumentsService {
  constructor(
    private readonly database: Database,
    private readonly bases: KnowledgeBasesService,
    private readonly pdfs: PdfReader,
  ) {}

  /**
   * Puts a document into a base, or finds the one of the same content there.
   * @throws DomainError `not_found`; `validation_error` for a file without text that can be read; `conflict` for a full
   * base; `rate_limit_exceeded` while many PDFs are being read
   */
  async add(
    organizationId: string,
    baseId: string,
    file: KnowledgeFile,
  ): Promise<{ document: KnowledgeDocument; isNew: boolean }> {
    await this.bases.get(organizationId, baseId);
    const sha256 = createHash('sha256').update(file.bytes).digest();
    const known = await findByContent(this.database, organizationId, baseId, sha256);
    if (known) return { document: known, isNew: false };
    const sections = await this.sectionsOf(organizationId, file);
    const chunks = await cut(sections, file.mediaType === 'text/markdown');
    const pages = file.mediaType === 'application/pdf' ? sections.length : null;
    return this.store(organizationId, baseId, { ...file, sha256, chunks, pages });
  }

  /** Newest first. @throws DomainError `not_found` */
  async list(organizationId: string, baseId: string, page: number, limit: number): Promise<Page<KnowledgeDocument>> {
    const { documentCount } = await this.bases.get(organizationId, baseId);
    const items = await this.database.query<KnowledgeDocument>(
      `select ${DOCUMENT} from knowledge_documents where organization_id = $1 and knowledge_base_id = $2
       order by id desc offset $3 limit $4`,
      [organizationId, baseId, (page - 1) * limit, limit],
    );
    return new Page(items, page, limit, documentCount);
  }

  /** @throws DomainError `not_found`, for the base or the document */
  async get(organizationId: string, baseId: string, id: string): Promise<KnowledgeDocument> {
    await this.bases.get(organizationId, baseId);
    return this.one(
      `select ${DOCUMENT} from knowledge_documents where organization_id = $1 and knowledge_base_id = $2 and id = $3`,
      [organizationId, baseId, id],
    );
  }

  /** @returns the document as it was. @throws DomainError `not_found`, for the base or the document */
  async remove(organizationId: string, baseId: string, id: string): Promise<KnowledgeDocument> {
    await this.bases.get(organizationId, baseId);
    return this.one(
      `delete from knowledge_documents where organization_id = $1 and knowledge_base_id = $2 and id = $3
       returning ${DOCUMENT}`,
      [organizationId, baseId, id],
    );
  }

  private async one(statement: string, key: [string, string, string]): Promise<KnowledgeDocument> {
    const [document] = isId(key[2]) ? await this.database.query<KnowledgeDocument>(statement, key) : [];
    if (!document) throw notFound('Document');
    return document;
  }

  private async sectionsOf(organizationId: string, { mediaType, bytes }: KnowledgeFile): Promise<Section[]> {
    if (mediaType !== 'application/pdf') return [{ page: null, text: textOf(bytes) }];
    const pages = await this.pdfs.read(organizationId, bytes);
    return pages.map((text, index) => ({ page: index + 1, text }));
  }

  /** All of it or nothing. The lock of the base makes those that bring documents into it come one after the other. */
  private store(
    organizationId: string,
    baseId: string,
    file: KnowledgeFile & { sha256: Buffer; chunks: Chunk[]; pages: number | null },
  ): Promise<{ document: KnowledgeDocument; isNew: boolean }> {
    const { name, mediaType, bytes, sha256, chunks, pages } = file;
    return this.database.transaction(async (client) => {
      const within = Database.on(client);
      const [base] = await within.query<{ textSearch: string }>(
        `select text_search as "textSearch" from knowledge_bases
         where organization_id = $1 and id = $2 for no key update`,
        [organizationId, baseId],
      );
      if (!base) throw notFound('Knowledge base');
      const known = await findByContent(within, organizationId, baseId, sha256);
      if (known) return { document: known, isNew: false };
      await assertRoom(within, organizationId, baseId);
      const [document] = await within.query<KnowledgeDocument>(
        `insert into knowledge_documents
           (organization_id, knowledge_base_id, id, name, media_type, sha256, bytes, characters, chunks, pages)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning ${DOCUMENT}`,
        [
          ...[organizationId, baseId, newId(), name, mediaType, sha256, bytes.length],
          ...[chunks.reduce((sum, { text }) => sum + text.length, 0), chunks.length, pages],
        ],
      );
      if (!document) throw new Error('the document was not stored');
      for (let from = 0; from < chunks.length; from += BATCH)
        await within.query(STORE_CHUNKS, [
          ...[organizationId, baseId, document.id, document.name, base.textSearch, from],
          ...columnsOf(chunks.slice(from, from + BATCH)),
        ]);
      return { document, isNew: true };
    });
  }
}

const STORE_CHUNKS = `
  insert into knowledge_chunks
    (organization_id, knowledge_base_id, document_id, position, heading, page, text, search)
  select $1, $2, $3, $6::int + c.n - 1, c.heading, c.page, c.text, knowledge_search($5, c.heading, c.text, $4)
  from unnest($7::text[], $8::int[], $9::text[]) with ordinality as c(heading, page, text, n)`;

const columnsOf = (chunks: readonly Chunk[]): [(string | null)[], (number | null)[], string[]] => [
  chunks.map(({ heading }) => heading),
  chunks.map(({ page }) => page),
  chunks.map(({ text }) => text),
];

async function findByContent(
  database: Pick<Database, 'query'>,
  organizationId: string,
  baseId: string,
  sha256: Buffer,
): Promise<KnowledgeDocument | undefined> {
  const [known] = await database.query<KnowledgeDocument>(
    `select ${DOCUMENT} from knowledge_documents
     where organization_id = $1 and knowledge_base_id = $2 and sha256 = $3`,
    [organizationId, baseId, sha256],
  );
  return known;
}

async function assertRoom(database: Pick<Database, 'query'>, organizationId: string, baseId: string): Promise<void> {
  const [counted] = await database.query<{ full: boolean }>(
    `select count(*) >= $3 as full from knowledge_documents where organization_id = $1 and knowledge_base_id = $2`,
    [organizationId, baseId, MAX_DOCUMENTS],
  );
  if (counted?.full)
    throw new DomainError('conflict', `A knowledge base has at most ${MAX_DOCUMENTS} documents; make another one`);
}

/** Bit by bit, so that calls and other requests are not kept waiting. @throws DomainError `validation_error` */
async function cut(sections: readonly Section[], markdown: boolean): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for (const chunk of chunkText(sections, markdown)) {
    if (!chunk || chunks.push(chunk) % BATCH === 0) await othersTurn();
    if (chunks.length > MAX_CHUNKS) throw problem(`falls into more than ${MAX_CHUNKS} pieces; send it in parts`);
  }
  if (chunks.length === 0) throw problem('has no text');
  return chunks;
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw problem('is not UTF-8 text');
  }
}

const problem = (detail: string): DomainError =>
  new DomainError('validation_error', `The document ${detail}`, { body: detail });
