import { Controller, Delete, Get, Param, Post, Query, Req } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiTags } from '@nestjs/swagger';
import { type AuthenticatedRequest, CallerParam, type Caller } from '../api-keys/index.js';
import {
  envelope,
  mediaTypeOf,
  Operation,
  Page,
  PageQuery,
  readUpload,
  StoredReply,
  type UploadRoute,
} from '../lib/platform/index.js';
import { KnowledgeBasesService } from './knowledge-bases.service.js';
import {
  KNOWLEDGE_MEDIA_TYPES,
  KnowledgeDocumentsService,
  type KnowledgeMediaType,
} from './knowledge-documents.service.js';
import { KnowledgeDocumentView, toKnowledgeDocumentView, UploadDocumentQuery } from './knowledge.dto.js';

const MAX_BYTES = 10_000_000;

export const DOCUMENT_UPLOAD: UploadRoute = { method: 'POST', path: /^\/v1\/knowledge-bases\/[^/]+\/documents\/?$/ };

@ApiTags('Knowledge bases')
@Controller('v1/knowledge-bases/:id/documents')
export class KnowledgeDocumentsController {
  constructor(
    private readonly bases: KnowledgeBasesService,
    private readonly documents: KnowledgeDocumentsService,
  ) {}

  @Post()
  @ApiConsumes(...KNOWLEDGE_MEDIA_TYPES)
  @ApiBody({ description: 'The file, at most 10 MB', schema: { type: 'string', format: 'binary' } })
  @Operation({
    scope: 'agents:write',
    summary: 'Upload a document',
    description:
      'Text (UTF-8), Markdown, or a PDF that has text, at most 2,000 pages and no password. The same content again ' +
      'answers 200 with the document that there is.',
    status: 201,
    returns: KnowledgeDocumentView,
    errors: ['not_found', 'conflict', 'unsupported_media_type', 'payload_too_large'],
  })
  async uploadDocument(
    @CallerParam() { organizationId }: Caller,
    @Param('id') id: string,
    @Query() { name }: UploadDocumentQuery,
    @Req() request: AuthenticatedRequest,
  ): Promise<StoredReply> {
    await this.bases.get(organizationId, id);
    const bytes = await readUpload(request, KNOWLEDGE_MEDIA_TYPES, MAX_BYTES);
    const mediaType = mediaTypeOf(request) as KnowledgeMediaType;
    const { document, isNew } = await this.documents.add(organizationId, id, { name, mediaType, bytes });
    return new StoredReply(isNew ? 201 : 200, envelope(toKnowledgeDocumentView(document), request.requestId));
  }

  @Get()
  @Operation({
    scope: 'agents:read',
    summary: 'List the documents of a knowledge base',
    description: 'Newest first.',
    returns: KnowledgeDocumentView,
    list: 'page',
    errors: ['not_found'],
  })
  async listDocuments(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Query() { page, limit }: PageQuery,
  ): Promise<Page<KnowledgeDocumentView>> {
    return (await this.documents.list(caller.organizationId, id, page, limit)).map(toKnowledgeDocumentView);
  }

  @Get(':documentId')
  @Operation({
    scope: 'agents:read',
    summary: 'Get a document',
    returns: KnowledgeDocumentView,
    errors: ['not_found'],
  })
  async getDocument(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Param('documentId') documentId: string,
  ): Promise<KnowledgeDocumentView> {
    return toKnowledgeDocumentView(await this.documents.get(caller.organizationId, id, documentId));
  }

  @Delete(':documentId')
  @Operation({
    scope: 'agents:write',
    summary: 'Delete a document',
    description: 'It is found no more from then on.',
    returns: KnowledgeDocumentView,
    errors: ['not_found'],
  })
  async deleteDocument(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Param('documentId') documentId: string,
  ): Promise<KnowledgeDocumentView> {
    return toKnowledgeDocumentView(await this.documents.remove(caller.organizationId, id, documentId));
  }
}
