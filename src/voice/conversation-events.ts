import { type ProviderFault } from './providers/ports.js';

export type StageName = 'transcription' | 'model' | 'speech';

/** Parts of the time from the customer's speech to the answer, milliseconds. Between them are gaps where nothing was waited for. */
export interface TurnLatency {
  /** End of speech → decision that it is the end. */
  endpointingMs: number;
  /** → transcript. */
  transcriptionMs: number;
  /** → the model's first word or tool call, with retries. */
  modelFirstTokenMs: number;
  /** First request for speech → its first audio. */
  speechFirstByteMs: number;
  /** End of speech → first audio on the line. */
  totalMs: number;
}

/** Words of one side. Times are milliseconds since the answer. */
export interface Turn {
  speaker: 'agent' | 'customer';
  /** Of the agent: the played part. */
  text: string;
  startMs: number;
  endMs: number;
  interrupted: boolean;
  /** Of the agent's answers to the customer; null for other turns. */
  latency: TurnLatency | null;
}

export interface ToolUse {
  name: string;
  /** The parsed object, or the model's text when that is no JSON object. */
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
  /** What the pipeline does now, with the name of the next provider. */
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

/** Emitted in order. After `ended` come only the tool use and the last turn that the end has cut off. */
export type ConversationEvent =
  | { type: 'turn'; turn: Turn }
  | { type: 'tool'; use: ToolUse }
  | { type: 'fault'; fault: StageFault }
  | { type: 'usage'; usage: Usage }
  | { type: 'ended'; end: ConversationEnd };

export type Emit = (event: ConversationEvent) => void;
