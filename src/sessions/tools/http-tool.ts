import { fitToSchema, newId, type OutboundHttp } from '../../lib/platform/index.js';
import { type HttpTool } from '../../agents/index.js';
import { type Tool } from '../../voice/index.js';

const TIMEOUT_MS = 5_000;
/** A longer response is cut: the model reads it during the call. */
const MAX_BYTES = 16_000;
/** Characters of an error response for the model. */
const MAX_ERROR = 500;
/** The request times out first; the tool allows this much more. */
const MARGIN_MS = 1_000;
const NO_PARAMETERS = { type: 'object', properties: {} };

/**
 * A tool that sends a request to the organization's server. It checks the arguments first; the client checks the address
 * when it connects. Each request has its own `Idempotency-Key` and the id of the call.
 * @param tool with opened secrets
 */
export function httpTool(
  tool: Omit<HttpTool, 'secretHeaders'>,
  http: Pick<OutboundHttp, 'request'>,
  callId: string,
): Tool {
  const { name, description, parameters = NO_PARAMETERS, method = 'POST', timeoutMs = TIMEOUT_MS, filler } = tool;
  const inQuery = method === 'GET' || method === 'DELETE';
  const send = async (args: Record<string, unknown>, signal?: AbortSignal): Promise<string> => {
    const { status, body, truncated } = await http.request({
      method,
      url: inQuery ? withQuery(tool.url, args) : tool.url,
      headers: {
        accept: 'application/json, text/plain',
        ...(inQuery ? {} : { 'content-type': 'application/json' }),
        'x-outdial-call-id': callId,
        'idempotency-key': newId(),
        ...tool.headers,
      },
      ...(inQuery ? {} : { body: JSON.stringify(args) }),
      timeoutMs,
      maxBytes: MAX_BYTES,
      ...(signal && { signal }),
    });
    if (status < 200 || status >= 300)
      throw new Error(`The server answered ${status}: ${body.slice(0, MAX_ERROR) || 'nothing more'}`);
    return truncated ? `${body}… (cut)` : body || 'Done.';
  };
  return {
    definition: { name, description, parameters },
    filler,
    timeoutMs: timeoutMs + MARGIN_MS,
    run: async (args, context) => {
      const fitting = fitToSchema(parameters, args, 'arguments');
      if (!fitting.fits) throw new Error(fitting.problem);
      const fit = fitting.value as Record<string, unknown>;
      // Neither an interruption nor the end of the call cancels a request that may change something.
      return method === 'GET' ? send(fit, context.signal) : context.undisturbed(() => send(fit));
    },
  };
}

function withQuery(url: string, args: Record<string, unknown>): string {
  const address = new URL(url);
  for (const [name, value] of Object.entries(args))
    address.searchParams.append(name, typeof value === 'string' ? value : JSON.stringify(value));
  return address.href;
}
