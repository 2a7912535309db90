import { type AgentTool, type HttpTool, type TransferCallTool } from '../../agents/index.js';
import { type CallLeg } from '../../telephony/index.js';
import { endCall, leaveVoicemail, sendDtmf, type Tool, transferCall } from '../../voice/index.js';

/** Tools of an agent without a choice of its own. */
const DEFAULT_TOOLS: readonly AgentTool[] = [{ type: 'end_call' }, { type: 'send_dtmf' }];

const RING_SECONDS = 30;

interface ToolDeps {
  leg: Pick<CallLeg, 'sendDtmf' | 'transfer'>;
  /** Caller id of a transfer. */
  fromNumber: string;
  /** Why a number may not be dialled; undefined when it may. */
  refusal: (to: string) => Promise<string | undefined>;
  http: (tool: HttpTool) => Tool;
}

/** The tools of the model in a call. */
export const agentTools = (tools: readonly AgentTool[] | null, deps: ToolDeps): Tool[] =>
  (tools ?? DEFAULT_TOOLS).map((tool) => {
    switch (tool.type) {
      case 'end_call':
        return endCall();
      case 'send_dtmf':
        return sendDtmf(deps.leg);
      case 'leave_voicemail':
        return leaveVoicemail();
      case 'transfer_call':
        return transferTool(tool, deps);
      case 'http':
        return deps.http(tool);
    }
  });

function transferTool(
  { targets, mode = 'bridge', ringSeconds = RING_SECONDS }: TransferCallTool,
  { leg, fromNumber, refusal }: ToolDeps,
): Tool {
  const transfer = async (to: string, signal: AbortSignal) => {
    const detail = await refusal(to);
    if (detail !== undefined) return { status: 'refused', detail } as const;
    return leg.transfer(to, { mode, from: fromNumber, ringTimeoutMs: ringSeconds * 1000, signal });
  };
  return transferCall(targets, { transfer });
}
