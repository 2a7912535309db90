import { type AgentTool, type HttpTool, type TransferCallTool } from '../../agents/index.js';
import { type CallLeg } from '../../telephony/index.js';
import { endCall, leaveVoicemail, sendDtmf, type Tool, transferCall } from '../../voice/index.js';

/** What agents without tools of their own can do. */
export const DEFAULT_TOOLS: readonly AgentTool[] = [{ type: 'end_call' }, { type: 'send_dtmf' }];

const RING_SECONDS = 30;

export interface ToolDeps {
  leg: Pick<CallLeg, 'sendDtmf' | 'transfer'>;
  /** The caller id, for whom a customer is connected with. */
  fromNumber: string;
  /** Why a number may not be dialled, if so. */
  refusal: (to: string) => Promise<string | undefined>;
  http: (tool: HttpTool) => Tool;
}

/** What the model may do in a call, by what its agent has. */
export const agentTools = (tools: readonly AgentTool[] | null, surroundings: ToolDeps): Tool[] =>
  (tools ?? DEFAULT_TOOLS).map((tool) => {
    switch (tool.type) {
      case 'end_call':
        return endCall();
      case 'send_dtmf':
        return sendDtmf(surroundings.leg);
      case 'leave_voicemail':
        return leaveVoicemail();
      case 'transfer_call':
        return transferTool(tool, surroundings);
      case 'http':
        return surroundings.http(tool);
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
