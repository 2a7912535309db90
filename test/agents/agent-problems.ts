import { checkAgent } from '../../src/agents/agent-rules.js';
import { UpdateAgentRequest } from '../../src/agents/agents.dto.js';
import { DomainError } from '../../src/lib/platform/errors/domain-error.js';
import { BodyPipe } from '../../src/lib/platform/http/body.pipe.js';

const ANYWHERE = { allowNetworks: [{ address: '0.0.0.0', prefix: 0, family: 'ipv4' as const }], httpsOnly: false };

/** The problems that a PATCH of an agent with this body answers, in their order. */
export function problemsIn(body: object): { path: string; problem: string }[] {
  try {
    const request = new BodyPipe().transform(body, { type: 'body', metatype: UpdateAgentRequest, data: undefined });
    checkAgent(request as object, ANYWHERE);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return Object.entries(error.details as Record<string, string>).map(([path, problem]) => ({ path, problem }));
  }
}
