import { DomainError, type SecretBox, SecretBoxError } from '../lib/platform/index.js';
import { type AgentTool, type HttpTool, SECRET_SHOWN } from './agent-tools.js';

/** The tools with each secret mapped. */
function mapSecrets(
  tools: readonly AgentTool[],
  map: (secret: string, header: string, tool: HttpTool, index: number) => string,
): AgentTool[] {
  return tools.map((tool, index) => {
    if (tool.type !== 'http' || !tool.secretHeaders) return tool;
    const headers = Object.entries(tool.secretHeaders);
    const secretHeaders = Object.fromEntries(
      headers.map(([header, secret]) => [header, map(secret, header, tool, index)]),
    );
    return { ...tool, secretHeaders };
  });
}

/** The tools for an answer, without secrets. */
export const maskSecrets = (tools: readonly AgentTool[]): AgentTool[] => mapSecrets(tools, () => SECRET_SHOWN);

/**
 * Seals the secrets of tools for an agent. `SECRET_SHOWN` keeps the stored secret of the same tool and header, and an
 * unchanged secret keeps its sealed form.
 * @param stored the sealed tools of the agent
 * @throws DomainError `validation_error` for a kept secret that does not exist, or one that cannot be stored
 */
export function sealSecrets(
  tools: readonly AgentTool[],
  stored: readonly AgentTool[],
  box: SecretBox,
  agentId: string,
): AgentTool[] {
  return mapSecrets(tools, (secret, header, tool, index) => {
    const path = `tools[${index}].secretHeaders.${header}`;
    const before = stored.find((each): each is HttpTool => each.type === 'http' && each.name === tool.name);
    const sealed = before && secretOf(before, header);
    if (secret === SECRET_SHOWN) {
      if (!before || sealed === undefined)
        throw invalid(path, 'is required: there is no secret yet that could be kept');
      // Otherwise a key with agents:write could send the secret to another server.
      if (new URL(before.url).origin !== new URL(tool.url).origin)
        throw invalid(path, 'must be given again, for the url is now on another server');
      return sealed;
    }
    try {
      return sealed !== undefined && isSealed(secret, sealed, box, agentId) ? sealed : box.seal(secret, agentId);
    } catch (error) {
      if (error instanceof SecretBoxError) throw invalid(path, `cannot be stored: ${error.message}`);
      throw error;
    }
  });
}

/** @throws SecretBoxError that names the tool, when its secrets cannot be decrypted */
export function openSecrets(tool: HttpTool, box: SecretBox, agentId: string): Omit<HttpTool, 'secretHeaders'> {
  const { secretHeaders = {}, ...open } = tool;
  try {
    const opened = Object.entries(secretHeaders).map(([header, sealed]) => [header, box.open(sealed, agentId)]);
    return { ...open, headers: { ...tool.headers, ...(Object.fromEntries(opened) as Record<string, string>) } };
  } catch (error) {
    if (!(error instanceof SecretBoxError)) throw error;
    throw new SecretBoxError(`The secrets of the tool ${tool.name} cannot be read: ${error.message}`);
  }
}

/** Names of headers have no case (RFC 9110 §5.1). */
const secretOf = (tool: HttpTool, header: string): string | undefined =>
  Object.entries(tool.secretHeaders ?? {}).find(([name]) => name.toLowerCase() === header.toLowerCase())?.[1];

function isSealed(secret: string, sealed: string, box: SecretBox, agentId: string): boolean {
  try {
    return box.open(sealed, agentId) === secret;
  } catch (error) {
    // The key that sealed it is gone: the given secret replaces it.
    if (error instanceof SecretBoxError) return false;
    throw error;
  }
}

const invalid = (path: string, problem: string): DomainError =>
  new DomainError('validation_error', `${path} ${problem}`, { [path]: problem });
