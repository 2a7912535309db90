import { ApiProperty } from '@nestjs/swagger';
import { QueryIntegerField, TextField } from '../lib/platform/index.js';
import { type Passage } from './citation-text.js';
import { DEFAULT_PASSAGES, MAX_PASSAGES, MAX_QUERY } from './knowledge-search.js';
import { type KnowledgeBase } from './knowledge-bases.service.js';
import { type KnowledgeDocument } from './knowledge-documents.service.js';

const EXAMPLE_ID = '01981f2e-9c1a-7b3e-8f7a-0000000000c1';
const EXAMPLE_DOCUMENT_ID = '01981f2e-9c1a-7b3e-8f7a-0000000000d1';

const NAME = { description: 'What people call it', example: 'House rules' };
const DESCRIPTION = {
  description: 'What is in it, for the language model, which decides by that whether to look there',
  example: 'Opening hours, prices and house rules of the museum',
  maxLength: 1_000,
  optional: true,
};
const LANGUAGE = {
  description:
    'The language of its documents, as a BCP 47 tag. Which forms of a word are found as one depends on it; in languages ' +
    'that the search does not know, words are found as they are written',
  example: 'en',
  maxLength: 35,
  optional: true,
};

export class CreateKnowledgeBaseRequest {
  @TextField(NAME)
  name: string;

  @TextField(DESCRIPTION)
  description?: string | null;

  @TextField({ ...LANGUAGE, default: 'en' })
  language?: string | null;
}

/** Only what is given changes; null empties the description. */
export class UpdateKnowledgeBaseRequest {
  @TextField({ ...NAME, optional: true })
  name?: string | null;

  @TextField(DESCRIPTION)
  description?: string | null;

  @TextField(LANGUAGE)
  language?: string | null;
}

export class KnowledgeBaseView {
  @ApiProperty({ example: EXAMPLE_ID })
  id: string;

  @ApiProperty({ example: NAME.example })
  name: string;

  @ApiProperty({ type: String, nullable: true, example: DESCRIPTION.example })
  description: string | null;

  @ApiProperty({ example: 'en' })
  language: string;

  @ApiProperty({ type: 'integer', example: 12 })
  documentCount: number;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  createdAt: Date;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  updatedAt: Date;
}

export class UploadDocumentQuery {
  @TextField({ description: 'What the document is called where it is cited', example: 'Opening hours' })
  name: string;
}

export class KnowledgeDocumentView {
  @ApiProperty({ example: EXAMPLE_DOCUMENT_ID })
  id: string;

  @ApiProperty({ example: 'Opening hours' })
  name: string;

  @ApiProperty({ example: 'application/pdf' })
  mediaType: string;

  @ApiProperty({ type: 'integer', description: 'Of the file', example: 48_213 })
  bytes: number;

  @ApiProperty({ type: 'integer', description: 'Of text that was found in it', example: 9_120 })
  characters: number;

  @ApiProperty({ type: 'integer', description: 'The pieces that it was cut into', example: 13 })
  chunks: number;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Of a PDF', example: 4 })
  pages: number | null;

  @ApiProperty({ format: 'date-time', example: '2026-04-05T13:59:00.000Z' })
  createdAt: Date;
}

export class SearchKnowledgeQuery {
  @TextField({
    description: 'A question, or words. `"…"`, `or` and `-` mean what they mean to search engines',
    example: 'what are your opening hours on sunday please',
    maxLength: MAX_QUERY,
  })
  q: string;

  @QueryIntegerField({
    description: 'The most passages to find',
    min: 1,
    max: MAX_PASSAGES,
    optional: true,
    default: DEFAULT_PASSAGES,
  })
  limit: number = DEFAULT_PASSAGES;
}

export class PassageView {
  @ApiProperty({ example: EXAMPLE_DOCUMENT_ID })
  documentId: string;

  @ApiProperty({ description: "The document's name", example: 'Opening hours' })
  document: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The headings above it',
    example: 'Opening hours > Sunday',
  })
  heading: string | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Of a PDF, from 1', example: 2 })
  page: number | null;

  @ApiProperty({ example: 'On Sundays we are open from ten to four.' })
  text: string;

  @ApiProperty({
    description:
      'The higher, the better; from 1 on it has all words of the question. Comparable within one answer only',
    example: 1.42,
  })
  rank: number;
}

export const toKnowledgeBaseView = (base: KnowledgeBase): KnowledgeBaseView => ({
  id: base.id,
  name: base.name,
  description: base.description,
  language: base.language,
  documentCount: base.documentCount,
  createdAt: base.createdAt,
  updatedAt: base.updatedAt,
});

export const toKnowledgeDocumentView = (document: KnowledgeDocument): KnowledgeDocumentView => ({
  id: document.id,
  name: document.name,
  mediaType: document.mediaType,
  bytes: document.bytes,
  characters: document.characters,
  chunks: document.chunks,
  pages: document.pages,
  createdAt: document.createdAt,
});

export const toPassageView = (passage: Passage): PassageView => ({
  documentId: passage.documentId,
  document: passage.document,
  heading: passage.heading,
  page: passage.page,
  text: passage.text,
  rank: passage.rank,
});
