import { type CancellationScope } from '../cancellation-scope.js';
import { type ConversationEnd, type Emit, type StageName } from '../conversation-events.js';
import { type ConversationSettings, type Phrase } from '../conversation-settings.js';
import { type Tool } from '../tools/tool.js';
import { type AgentTurn, type SpeechOutput, type UtteranceSource } from '../turn/agent-turn.js';
import { type ChatHistory } from '../turn/chat-history.js';
import { type Recognition, type RecognitionListener } from './user-speech.js';

/** The way from the customer's speech to the agent's: three providers in a row, or one model. */
export interface Pipeline {
  recognize(listener: RecognitionListener): Recognition;
  /**
   * Whether an answer is prepared while the customer already speaks again: the answer is ready sooner when that speech
   * is noise, and is cancelled when it is not.
   */
  readonly answersAhead: boolean;
  /** Source of the model's answers. */
  readonly reply: UtteranceSource;
  /** Source of a fixed phrase. */
  say(phrase: Phrase): UtteranceSource;
  readonly synthesize: SpeechOutput['synthesize'];
  /** Prepares what will be needed for certain; rejects for errors that are not of a provider. */
  prepare(): Promise<void>;
  /** Adds a message of the customer that is not speech. It is in the history already. */
  addUserText(text: string): void;
  /** The turn has ended, and the history has what was played of it. */
  turnEnded(turn: AgentTurn): void;
  /** Source of the last words after this stage has failed; undefined when none are wanted. */
  failureMessage(failed: StageName): UtteranceSource | undefined;
  close(): void;
}

/** What a reply may do with the conversation. */
export interface ConversationControl {
  /** Whether the call ends after the turn, or the agent is off the line: then no more tools are used. */
  isEnding(): boolean;
  /** Ends the call after the turn was played. */
  endAfter(turn: AgentTurn, end: ConversationEnd): void;
  /** Detaches the agent from the line: the customer is connected to another party. */
  handOver(): void;
}

/** The parts of a conversation that its pipeline uses. */
export interface PipelineContext {
  scope: CancellationScope;
  /** Scope of recognition, which is closed before the rest. */
  recognitionScope: CancellationScope;
  settings: ConversationSettings;
  history: ChatHistory;
  tools: readonly Tool[];
  /** Milliseconds since the answer. */
  now: () => number;
  emit: Emit;
  control: ConversationControl;
}

export type PipelineFactory = (context: PipelineContext) => Pipeline;
