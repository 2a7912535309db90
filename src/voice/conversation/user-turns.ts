import { type SerialQueue } from '../../lib/platform/index.js';
import { type CancellationScope } from '../cancellation-scope.js';
import { type Turn } from '../conversation-events.js';
import { type ConversationSettings } from '../conversation-settings.js';
import { type Pipeline } from '../pipeline/pipeline.js';
import {
  type PendingSpeech,
  type Recognition,
  type RecognitionListener,
  type RecognizedSpeech,
} from '../pipeline/user-speech.js';
import { type ChatHistory, type UserEntry } from '../turn/chat-history.js';
import { type AgentSpeech } from './agent-speech.js';
import { asSpeech, DtmfCollector } from './dtmf-collector.js';
import { type InactivityTimer } from './inactivity-timer.js';
import { type SpeechQueue } from './speech-queue.js';

/** Speech during a turn of the agent interrupts it when there is no transcript after so long, milliseconds. */
const MAX_DECISION_MS = 1_500;

export interface UserTurnsDeps {
  /** Scope of recognition. */
  scope: CancellationScope;
  settings: ConversationSettings;
  history: ChatHistory;
  pipeline: Pipeline;
  agent: AgentSpeech;
  queue: SpeechQueue;
  inactivity: InactivityTimer;
  tasks: SerialQueue;
  /** Milliseconds since the answer. */
  now: () => number;
  record: (turn: Turn) => void;
  /** Speech cannot be recognized any more. */
  failed: (error: unknown) => void;
}

type Times = Pick<RecognizedSpeech, 'startMs' | 'endMs'>;

/** The customer's side of the conversation: speech and keys, and what they make of the agent's turn. */
export class UserTurns implements RecognitionListener {
  private readonly recognition: Recognition;
  private readonly keys: DtmfCollector;
  /** Utterances during a turn of the agent whose transcript has to decide on that turn. */
  private undecided = 0;
  /** Resolves when the transcripts of all pending utterances are recorded. */
  private recorded: Promise<unknown> = Promise.resolve();

  constructor(private readonly deps: UserTurnsDeps) {
    const { scope, settings, pipeline, tasks } = deps;
    this.recognition = pipeline.recognize(this);
    this.keys = new DtmfCollector(scope, settings.keyPauseMs, (keys) => {
      void tasks.do(() => this.takeKeys(keys));
    });
  }

  /** The customer speaks or presses keys, or it is not decided yet what follows. */
  get busy(): boolean {
    return this.recognition.busy || this.undecided > 0 || this.keys.busy;
  }

  push(frame: Int16Array, atMs: number): void {
    this.recognition.push(frame, atMs);
  }

  press(key: string): void {
    const { scope, inactivity, agent } = this.deps;
    if (scope.closed) return;
    inactivity.stop();
    if (!agent.hold()) agent.interrupt();
    this.keys.press(key);
  }

  /** The customer has hung up. Resolves when the last words are recorded, or have no transcript. */
  async finish(): Promise<void> {
    await this.recognition.finish();
    await this.recorded;
  }

  started(): void {
    this.deps.agent.hold();
    this.deps.inactivity.stop();
  }

  continued(voicedMs: number): void {
    const { settings, agent } = this.deps;
    if (voicedMs >= settings.interruptMs) agent.interrupt();
  }

  recognized(speech: RecognizedSpeech): Promise<void> {
    return this.deps.tasks.do(() => this.take(speech));
  }

  pending(speech: PendingSpeech): void {
    const { history, agent } = this.deps;
    const entry = history.user('');
    const decided = agent.turn ? this.decideByText(speech) : this.answerAtOnce(speech);
    this.recorded = Promise.all([this.recorded, this.recordLater(speech, entry, decided)]);
  }

  failed(error: unknown): void {
    const { tasks, agent, failed } = this.deps;
    void tasks.do(async () => {
      // The last words of the agent need no answer.
      if (!agent.canSpeak() || (agent.ending && agent.isUnaffected)) return;
      await agent.stop();
      if (agent.canSpeak()) failed(error);
    });
  }

  private async takeKeys(keys: string): Promise<void> {
    const { scope, pipeline, now } = this.deps;
    if (scope.closed) return;
    const speech = asSpeech(keys, now());
    pipeline.addUserText(speech.text);
    await this.take(speech);
  }

  private async take(speech: RecognizedSpeech): Promise<void> {
    const { scope, history, agent } = this.deps;
    if (scope.closed) return;
    if (speech.text) {
      const entry = history.user(speech.text);
      await this.takeTurn(speech, () => {
        this.record(speech, speech.text, entry);
      });
    } else await agent.resume();
    agent.settle();
  }

  /** The customer has said something: it may end the turn of the agent, and it may want an answer. */
  private async takeTurn(speech: Omit<RecognizedSpeech, 'text'>, record: () => void = () => undefined): Promise<void> {
    const { settings, agent, queue, pipeline } = this.deps;
    const { turn, utterance, isUnaffected } = agent;
    const played = isUnaffected ? undefined : await agent.stop();
    record();
    if (!agent.canSpeak()) return;
    if (isUnaffected) turn?.release();
    // The customer is back: those were not the last words.
    else agent.ending = undefined;
    // A short word during a turn of the agent ("mhm") wants no answer of its own.
    if (!isUnaffected || speech.voicedMs >= settings.interruptMs) queue.oweAnswer(speech);
    // "Hello?" before the first message is answered by the first message.
    if (turn && !isUnaffected && !played && utterance?.repeatable) queue.repeat(utterance);
    if (!pipeline.answersAhead || agent.turn || !this.recognition.busy) return;
    const answer = queue.nextAnswer();
    if (answer) agent.begin(answer);
  }

  /** Answers before the transcript comes. When it was noise, an answer that has not begun is cancelled. */
  private async answerAtOnce({ endMs, decidedMs, text }: PendingSpeech): Promise<void> {
    const { agent, queue, tasks } = this.deps;
    if (!agent.canSpeak()) return;
    queue.oweAnswer({ endMs, decidedMs, transcribedMs: decidedMs, transcriptionMs: 0 });
    agent.settle();
    const { turn, utterance } = agent;
    if (!turn || !utterance?.answerTo || (await text) !== '') return;
    await tasks.do(async () => {
      if (agent.turn !== turn || turn.firstTokenMs !== undefined) return;
      await agent.stop();
      agent.settle();
    });
  }

  /** The agent has its turn: the transcript tells an interruption from noise. */
  private async decideByText(speech: PendingSpeech): Promise<void> {
    const { scope, settings, agent, tasks, now } = this.deps;
    if (!agent.canSpeak()) return;
    this.undecided++;
    const limitMs = Math.min(MAX_DECISION_MS, settings.timeouts.transcriptionMs);
    const text = await scope.wait(speech.text, limitMs).catch(() => undefined);
    await tasks.do(async () => {
      this.undecided--;
      if (scope.closed || !agent.canSpeak()) return;
      const transcribedMs = now();
      if (text === '') await agent.resume();
      else await this.takeTurn({ ...speech, transcribedMs, transcriptionMs: transcribedMs - speech.decidedMs });
      agent.settle();
    });
  }

  /** Records pending speech when its transcript has come, after its effect on the agent's turn. */
  private async recordLater(speech: PendingSpeech, entry: UserEntry, decided: Promise<void>): Promise<void> {
    await decided;
    const text = await speech.text;
    if (text === '') return;
    await this.deps.tasks.do(() => {
      this.record(speech, text, entry);
    });
  }

  private record({ startMs, endMs }: Times, text: string | undefined, entry: UserEntry): void {
    this.deps.inactivity.reset();
    // Speech without a transcript is not in the record.
    if (text === undefined) return;
    entry.content = text;
    this.deps.record({ speaker: 'customer', text, startMs, endMs, interrupted: false, latency: null });
  }
}
