import { type AgentForCalls, type AgentTexts, type StagesSettings } from '../agents/index.js';
import { type AgentUsed, type CallFacts, type DisconnectionReason } from '../calls/index.js';
import { type AnnouncementScript, type Usage } from '../voice/index.js';

/** Everything that an agent needs in a call, known before its leg opens. */
export interface SessionPlan {
  callId: string;
  facts: CallFacts;
  agent: AgentForCalls;
  used: AgentUsed;
  texts: AgentTexts;
  /** Settings of the providers. Hold keys. */
  stages: StagesSettings;
  /** With opened secrets. */
  tools: AgentForCalls['tools'];
  /** Presynthesized audio of the announcements. */
  script: AnnouncementScript;
  /** Presynthesized failure message of a realtime model, which cannot speak it after a failure. */
  apology: Int16Array | undefined;
  /** Use of providers by the presynthesis. */
  usage: Usage[];
  /** From the answer on; undefined: the agent has no limit of its own. */
  maxDurationMs: number | undefined;
}

/** Why an agent cannot speak in a call. */
export interface CannotSpeak {
  reason: DisconnectionReason;
  detail: string;
  retryable: boolean;
}
