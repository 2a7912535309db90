import { fitToSchema, newId, type OutboundHttp } from '../../lib/platform/index.js';
import { type HttpTool } from '../../agents/index.js';
import { type Tool } from '../../voice/index.js';

const TIMEOUT_MS = 5_000;
/** More of an answer than a model should read in a call. */
const MOST_BYTES = 16_000;
/** What a server says of its error, for the model. */
const MOST_OF_ERROR = 500;
/** For what is around the request; it ends itself before. */
const MARGIN_MS = 1_000;
const NO_PARAMETERS = { type: 'object', properties: {} };

/**
 * A tool that asks the organization's own server. The arguments are checked before anything is sent; the address is
 * checked when it is connected to. Each use has an `Idempotency-Key` of its own, and names the call.
 * @param tool with opened secrets
 */
export function httpTool(
  tool: Omit<HttpTool, 'secretHeaders'>,
  http: Pick<OutboundHttp, 'request'>,
  callId: string,
): Tool {
  const { name, description, parameters = NO_PARAMETERS, method = 'POST', timeoutMs = TIMEOUT_MS, filler } = tool;
  const inQuery = method === 'GET' || method === 'DELETE';
  const ask = async (args: Record<string, unknown>, signal?: AbortSignal): Promise<string> => {
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
      maxBytes: MOST_BYTES,
      ...(signal && { signal }),
    });
    if (status < 200 || status >= 300)
      throw new Error(`The server answered ${status}: ${body.slice(0, MOST_OF_ERROR) || 'nothing more'}`);
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
      // What changes something is not cut off, neither by a customer who clears their throat nor by one who hangs up.
      return method === 'GET' ? ask(fit, context.signal) : context.undisturbed(() => ask(fit));
    },
  };
}

function withQuery(url: string, args: Record<string, unknown>): string {
  const address = new URL(url);
  for (const [name, value] of Object.entries(args))
    address.searchParams.append(name, typeof value === 'string' ? value : JSON.stringify(value));
  return address.href;
}
