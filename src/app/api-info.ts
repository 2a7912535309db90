import { type ApiInfo } from '../lib/platform/index.js';

const DESCRIPTION = `Launch AI phone calls, list them and read how they went.

Authorize with an API key: \`rpl_test_…\` for test mode, \`rpl_live_…\` for real calls. Every answer has a \`requestId\`.
Fields that a request has and this document does not are ignored. Every authenticated answer carries
\`X-RateLimit-Limit\`, \`X-RateLimit-Remaining\` and \`X-RateLimit-Reset\` (Unix seconds).`;

/** Title and description of the OpenAPI document. */
export const API_INFO: ApiInfo = {
  title: 'Outdial API',
  description: DESCRIPTION,
  authorization: 'An API key: `rpl_test_…` or `rpl_live_…`',
};
