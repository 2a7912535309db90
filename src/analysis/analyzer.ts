import { type AgentConfiguration, type AgentsService, variablesOf } from '../agents/index.js';
import { type Database, DomainError, type Log, JobRunner, fillIn, TemplateError } from '../lib/platform/index.js';
import {
  createLanguageModel,
  type LanguageModel,
  type ProviderTimeouts,
  ProviderError,
  type ProviderSettings,
} from '../voice/index.js';
import {
  type CallCommands,
  type CallState,
  loadTurns,
  type Turn,
  costOf,
  type RateCard,
  saveUsage,
  usageOf,
} from '../calls/index.js';
import { askModel } from './ask-model.js';
import { parseAnalysis, type ParsedAnalysis } from './analysis-answer.js';
import { type AnalysisJob, AnalysisJobs } from './analysis-jobs.js';
import { analysisModel, type AnalysisModels } from './analysis-model.js';
import { type AnalysisInput, messagesFor } from './analysis-prompt.js';

export interface AnalyzerOptions extends AnalysisModels {
  timeouts?: ProviderTimeouts;
  rates: RateCard;
  /** Waits between attempts, milliseconds; one attempt more than there are of them. */
  backoffMs?: readonly number[];
  /** How many calls at once. */
  most?: number;
  /** How long an assessment may take before another worker may begin it anew. */
  leaseMs?: number;
}

type Asking = Pick<AgentConfiguration, 'prompt' | 'analysisSchema' | 'providers' | 'model'>;
type Ended = Extract<CallState, { status: 'ended' }>;

const WITHOUT_AGENT: Asking = { prompt: null, analysisSchema: null, providers: null, model: null };
const CAUSE = { service: 'assessor' };
const BACKOFF_MS = [5_000, 30_000];
const MAX_CONCURRENT = 8;
const LEASE_MS = 180_000;
/** For a whole answer. Well within the lease. */
const ANSWER_MS = 60_000;
/** A provider that asks for more is asked earlier. */
const MAX_WAIT_MS = 600_000;

/**
 * Assesses calls that are over by a language model, and costs them. Any step may be repeated, by any worker: the call
 * itself takes the first assessment and the first costs, and nothing after them.
 */
export class Analyzer {
  private readonly jobs: AnalysisJobs;
  private readonly runner: JobRunner<AnalysisJob>;
  private readonly stopping = new AbortController();

  constructor(
    private readonly database: Database,
    private readonly calls: Pick<CallCommands, 'execute' | 'stateOf'>,
    private readonly agents: Pick<AgentsService, 'configuration'>,
    private readonly log: Log,
    private readonly options: AnalyzerOptions,
  ) {
    const { most = MAX_CONCURRENT, leaseMs = LEASE_MS } = options;
    this.jobs = new AnalysisJobs(database);
    this.runner = new JobRunner({
      take: (limit) => this.jobs.take(limit, leaseMs),
      run: (job) => this.carryOut(job),
      failed: (error, { callId }) => {
        log.error({ err: error, callId }, 'the analysis of a call could not be put off; its lease ends first');
      },
      maxConcurrent: most,
    });
  }

  /** Begins with the calls that are due, as many as there is room for. */
  async round(): Promise<void> {
    const { model, rates } = this.options;
    const work = { hasModel: model !== undefined, paysForMinutes: rates.telephonyPerMinute !== undefined };
    while (!this.stopping.signal.aborted && (await this.jobs.dismiss(work)));
    await this.runner.round();
  }

  /** Resolves when no analysis is due or running. */
  idle(): Promise<void> {
    return this.runner.idle();
  }

  /** Gives back what is running. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.runner.stop();
  }

  /** Never rejects: what fails is due again when the lease is over, if not before. */
  private async carryOut(job: AnalysisJob): Promise<void> {
    try {
      const retryInMs = await this.attempt(job);
      if (retryInMs === undefined) await this.jobs.finish(job);
      else await this.jobs.putOff(job, retryInMs);
    } catch (error) {
      const { callId } = job;
      if (this.stopping.signal.aborted) {
        await this.jobs.giveBack(job).catch(() => undefined);
        return;
      }
      this.log.error({ err: error, callId }, 'a call that is over could not be assessed; it is tried again later');
      await this.jobs.putOff(job, this.backoff(job) ?? MAX_WAIT_MS).catch(() => undefined);
    }
  }

  /** @returns how long to wait before the next attempt; undefined when there is nothing left to do */
  private async attempt(job: AnalysisJob): Promise<number | undefined> {
    const { callId } = job;
    const state = await this.calls.stateOf(callId);
    if (state.status !== 'ended') return undefined;
    if (!state.assessment) {
      const retryInMs = await this.assess(job, state);
      if (retryInMs !== undefined) return retryInMs;
    }
    if (!state.costs) await this.cost(callId, state);
    return undefined;
  }

  /** @returns how long to wait before the next attempt; undefined when there is none to be made */
  private async assess(job: AnalysisJob, state: Ended): Promise<number | undefined> {
    const { callId, attempt } = job;
    // An attempt beyond the last one: the worker that made that one did not survive it.
    if (attempt > this.attempts) return undefined;
    const turns = await loadTurns(this.database, callId);
    if (turns.length === 0) return undefined;
    const agent = await this.agentOf(state);
    const model = await analysisModel(state.facts, agent, this.options);
    if (!model) return undefined;
    const { assessment, problem, retryAfterMs } = await this.read(callId, model, materialOf(state, turns, agent));
    const wait = problem === undefined ? undefined : this.backoff(job);
    const retryInMs = wait === undefined ? undefined : Math.max(wait, Math.min(retryAfterMs ?? 0, MAX_WAIT_MS));
    if (problem !== undefined)
      this.log.warn({ callId, problem, attempt, retryInMs }, 'a call could not be assessed as it should be');
    // What is missing in the last answer stays null.
    if (retryInMs === undefined && assessment)
      await this.calls.execute(callId, { type: 'AnalyzeCall', at: now(), assessment }, CAUSE);
    return retryInMs;
  }

  private async read(
    callId: string,
    settings: ProviderSettings,
    material: AnalysisInput,
  ): Promise<ParsedAnalysis & { retryAfterMs?: number | undefined }> {
    const model = made(settings, this.options.timeouts);
    if (model instanceof ProviderError) return { problem: model.message };
    const { text, tokens, failure } = await askModel(model, messagesFor(material), ANSWER_MS, this.stopping.signal);
    if (text !== '' || tokens) {
      const { inputTokens = null, outputTokens = null } = tokens ?? {};
      await saveUsage(this.database, callId, { stage: 'analysis', provider: model.name, inputTokens, outputTokens });
    }
    if (failure) return { problem: failure.message, retryAfterMs: failure.retryAfterMs };
    return parseAnalysis(text, material.analysisSchema);
  }

  private async cost(callId: string, state: Ended): Promise<void> {
    const { rates } = this.options;
    const usage = await usageOf(this.database, callId, state);
    const { telephony, ...rest } = usage;
    const isKnown = Object.values<unknown>(rest).some((stage) => stage !== undefined);
    if (!isKnown && !(telephony && rates.telephonyPerMinute !== undefined)) return;
    await this.calls.execute(callId, { type: 'CostCall', at: now(), costs: costOf(usage, rates), usage }, CAUSE);
  }

  /** As it was in the call. An agent is never deleted; if it were, the call would still be assessed. */
  private async agentOf({ facts, agentVersion }: Ended): Promise<Asking> {
    try {
      return await this.agents.configuration(facts.organizationId, facts.agentId, agentVersion);
    } catch (error) {
      if (error instanceof DomainError && error.code === 'not_found') return WITHOUT_AGENT;
      throw error;
    }
  }

  private get attempts(): number {
    return (this.options.backoffMs ?? BACKOFF_MS).length + 1;
  }

  private backoff({ attempt }: AnalysisJob): number | undefined {
    return (this.options.backoffMs ?? BACKOFF_MS)[attempt - 1];
  }
}

function materialOf(state: Ended, turns: Turn[], { prompt, analysisSchema }: Asking): AnalysisInput {
  const { facts, disconnectionReason, answeredBy } = state;
  const purpose = prompt && filledIn(prompt, variablesOf(facts, Date.parse(state.startedAt ?? state.endedAt)));
  return { purpose, turns, disconnectionReason, answeredBy: answeredBy?.by ?? null, analysisSchema };
}

/** An account may have become one that cannot work, or must not be asked. */
function made(settings: ProviderSettings, timeouts: ProviderTimeouts | undefined): LanguageModel | ProviderError {
  try {
    return createLanguageModel(settings, timeouts);
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
}

/** A template that cannot be filled in tells the purpose as well as it can. */
function filledIn(template: string, variables: Record<string, unknown>): string {
  try {
    return fillIn(template, variables).text;
  } catch (error) {
    if (error instanceof TemplateError) return template;
    throw error;
  }
}

const now = (): string => new Date().toISOString();
