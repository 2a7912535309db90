import { type ProviderFault } from './providers/ports.js';

export type StageName = 'transcription' | 'model' | 'speech';

/** Milliseconds from the end of the customer's speech on; the parts follow each other, with gaps where nothing was waited for. */
export interface TurnLatency {
  /** End of speech → known to be the end. */
  endpointingMs: number;
  /** → its text. */
  transcriptionMs: number;
  /** → the model's first word or tool call; retries included. */
  modelFirstTokenMs: number;
  /** First text given to the speaker → its first audio. */
  speechFirstByteMs: number;
  /** End of speech → first audio on the line. */
  totalMs: number;
}

/** What one side said. Times are milliseconds since the answer. */
export interface Turn {
  speaker: 'agent' | 'customer';
  /** Of the agent: what was heard. */
  text: string;
  startMs: number;
  endMs: number;
  interrupted: boolean;
  /** Of the agent's answers; null where nothing was waited for. */
  latency: TurnLatency | null;
}

export interface ToolUse {
  name: string;
  /** As parsed, or as the model wrote them when they are no JSON object. */
  arguments: Record<string, unknown> | string;
  result: string | null;
  error: string | null;
  ms: number;
}

export interface StageFault {
  stage: StageName;
  provider: string;
  fault: ProviderFault;
  message: string;
  /** What happens now; the name of the provider that is asked next. */
  then: { action: 'retry' | 'fallback'; provider: string } | { action: 'give_up' };
}

export type Usage =
  | { stage: 'transcription'; provider: string; seconds: number }
  | { stage: 'model'; provider: string; inputTokens: number; outputTokens: number }
  | { stage: 'speech'; provider: string; characters: number };

export type EndReason =
  | 'agent_hangup'
  | 'voicemail_reached'
  | 'inactivity'
  | 'max_duration_reached'
  | 'error_speech_provider'
  | 'error_llm_provider';

export interface ConversationEnd {
  reason: EndReason;
  detail: string | null;
}

/** Told in the order it happens; only a tool or the last turn that was cut off by the end is told after it. */
export type ConversationEvent =
  | { type: 'turn'; turn: Turn }
  | { type: 'tool'; use: ToolUse }
  | { type: 'fault'; fault: StageFault }
  | { type: 'usage'; usage: Usage }
  | { type: 'ended'; end: ConversationEnd };

export type Emit = (event: ConversationEvent) => void;
