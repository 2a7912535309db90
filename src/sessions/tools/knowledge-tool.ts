import { citationText, type KnowledgeSearch } from '../../knowledge/index.js';
import { type Tool } from '../../voice/index.js';

const TIMEOUT_MS = 3_000;
const MAX_PASSAGES = 5;

/** Searches the agent's knowledge bases. The result names its sources. */
export const knowledgeTool = (
  search: Pick<KnowledgeSearch, 'search'>,
  organizationId: string,
  knowledgeBaseIds: readonly string[],
): Tool => ({
  definition: {
    name: 'search_knowledge',
    description: 'Looks up facts in the documents of the organization. Use it before you say what you are not sure of.',
    parameters: {
      type: 'object',
      properties: { query: { type: 'string', description: 'What to look for, in the words of the documents.' } },
      required: ['query'],
      additionalProperties: false,
    },
  },
  timeoutMs: TIMEOUT_MS,
  run: async ({ query }) => {
    if (typeof query !== 'string' || query.trim() === '') throw new Error('`query` must be what to look for');
    const passages = await search.search(organizationId, knowledgeBaseIds, query, MAX_PASSAGES);
    return passages.length === 0 ? 'Nothing was found about that.' : citationText(passages);
  },
});
