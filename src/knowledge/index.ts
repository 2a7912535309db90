export { citationText } from './citation-text.js';
export { KnowledgeBasesController } from './knowledge-bases.controller.js';
export { KnowledgeBasesService } from './knowledge-bases.service.js';
export { DOCUMENT_UPLOAD, KnowledgeDocumentsController } from './knowledge-documents.controller.js';
export { KnowledgeDocumentsService } from './knowledge-documents.service.js';
export { KnowledgeSearch } from './knowledge-search.js';
export { PdfReader } from './pdf-reader.js';
