import { Inject, Injectable } from '@nestjs/common';
import {
  type Accounts,
  type AgentForCalls,
  AgentsService,
  agentTexts,
  openSecrets,
  stagesFor,
  UnknownProvider,
  withVoices,
} from '../agents/index.js';
import { type CallFacts } from '../calls/index.js';
import { type Config } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { noticeTone } from '../lib/audio/index.js';
import { DomainError, Log, OutboundHttp, SecretBox, SecretBoxError, TemplateError } from '../lib/platform/index.js';
import { ProviderAccountsService } from '../provider-accounts/index.js';
import { createTextToSpeech, presynthesize, ProviderError, type Usage } from '../voice/index.js';
import { type CannotSpeak, type SessionPlan } from './session-plan.js';
import { checkStages, conversationProviders, providersOf } from './session-providers.js';

/** Limit of all presynthesis: ten seconds after its admission a call without a dial counts as never made (`admit_calls`). */
const SPEECH_MS = 9_000;
/** Limit of a failure message, which the call may never need. */
const APOLOGY_MS = 4_000;

type AgentSetup = Pick<SessionPlan, 'agent' | 'texts' | 'stages' | 'tools'>;

/** Built-in providers without a key, for calls of test mode. Their answers are deterministic. */
const SCRIPTED = { kind: 'scripted' };
const SCRIPTED_PROVIDERS = { transcription: SCRIPTED, model: SCRIPTED, speech: SCRIPTED };
const NO_ACCOUNTS: Accounts = () => Promise.resolve(new Map<string, never>());

/**
 * Plans the agent's part in a call: texts, providers, tools and presynthesized audio. A live call is planned before the
 * phone rings, so that no customer answers to silence.
 */
@Injectable()
export class SessionPlanner {
  constructor(
    @Inject(AgentsService) private readonly agents: Pick<AgentsService, 'forCalls'>,
    @Inject(ProviderAccountsService) private readonly accounts: Pick<ProviderAccountsService, 'accountsFor'>,
    @Inject(OutboundHttp) private readonly http: Pick<OutboundHttp, 'guard'>,
    private readonly secrets: SecretBox,
    private readonly log: Log,
    @InjectConfig() private readonly config: Pick<Config, 'providers' | 'recordingNotice'>,
  ) {}

  /** @throws Error when the database fails or `signal` aborts */
  async plan(callId: string, facts: CallFacts, signal?: AbortSignal): Promise<SessionPlan | CannotSpeak> {
    let setup: AgentSetup;
    try {
      setup = await this.setUpAgent(facts);
    } catch (error) {
      const problem = settingsProblem(error);
      if (problem === undefined) throw error;
      return { reason: 'dial_failed', detail: problem, retryable: false };
    }
    const audio = await this.presynthesize(facts, setup, signal);
    if ('reason' in audio) return audio;
    const { version: agentVersion, maxDurationSeconds } = setup.agent;
    const { missing } = setup.texts;
    const used = { agentVersion, ...(missing.length > 0 && { missingVariables: missing }) };
    const maxDurationMs = maxDurationSeconds === null ? undefined : maxDurationSeconds * 1000;
    return { callId, facts, used, ...setup, ...audio, maxDurationMs };
  }

  private async setUpAgent(facts: CallFacts): Promise<AgentSetup> {
    const { organizationId, voiceId } = facts;
    const agent = await this.agentOf(facts);
    const texts = agentTexts(agent, facts, Date.now());
    const chosen =
      facts.environment === 'test'
        ? await stagesFor(agent, organizationId, NO_ACCOUNTS, SCRIPTED_PROVIDERS, this.http.guard)
        : await stagesFor(
            agent,
            organizationId,
            (...ids) => this.accounts.accountsFor(...ids),
            this.config.providers,
            this.http.guard,
          );
    const stages = withVoices(chosen, agent.providers, { ofCall: voiceId, ofAgent: agent.voiceId ?? undefined });
    checkStages(stages);
    return { agent, texts, stages, tools: this.openTools(agent) };
  }

  /** Calls of test mode ignore the agent's choice of providers. */
  private async agentOf({ organizationId, agentId, environment }: CallFacts): Promise<AgentForCalls> {
    const agent = await this.agents.forCalls(organizationId, agentId);
    return environment === 'test' ? { ...agent, providers: null, model: null } : agent;
  }

  private openTools({ tools, agentId }: AgentForCalls): AgentForCalls['tools'] {
    return tools && tools.map((tool) => (tool.type === 'http' ? openSecrets(tool, this.secrets, agentId) : tool));
  }

  /** Synthesizes all texts concurrently: the admitted call counts for its carrier's calls per second meanwhile. */
  private async presynthesize(
    facts: CallFacts,
    { agent, texts, stages }: AgentSetup,
    signal: AbortSignal | undefined,
  ): Promise<Pick<SessionPlan, 'script' | 'apology' | 'usage'> | CannotSpeak> {
    const { config, log } = this;
    const textToSpeech = stages.speech && providersOf(stages.speech, createTextToSpeech);
    const usage: Usage[] = [];
    const language = facts.language ?? agent.language ?? undefined;
    const speechMs = textToSpeech?.fallback ? SPEECH_MS / 2 : SPEECH_MS;
    const synthesize = async (text: string, timeoutMs = speechMs): Promise<Int16Array | undefined> => {
      if (text === '' || !textToSpeech) return undefined;
      const { pcm, provider } = await presynthesize(textToSpeech, text, {
        voice: undefined,
        language,
        timeoutMs,
        signal,
      });
      usage.push({ stage: 'speech', provider, characters: text.length });
      return pcm;
    };
    try {
      const noticeText = agent.recordCalls && facts.environment !== 'test' ? (config.recordingNotice ?? '') : '';
      const [greeting, message, notice, apology] = await Promise.all([
        agent.greetingAudio ?? synthesize(texts.firstMessage),
        agent.onMachine === 'leave_message' ? synthesize(texts.voicemailMessage) : undefined,
        noticeText === 'tone' ? noticeTone() : synthesize(noticeText),
        stages.speechToSpeech && this.orUndefined(synthesize(texts.apology, APOLOGY_MS)),
      ]);
      if (!greeting && !conversationProviders(stages) && !stages.speechToSpeech)
        return { reason: 'error_speech_provider', detail: NOTHING_TO_SAY, retryable: false };
      const { onMachine, listenSeconds } = agent;
      return { usage, apology, script: { notice, greeting, message, onMachine, listenMs: listenSeconds * 1000 } };
    } catch (error) {
      if (signal?.aborted) throw error;
      log.warn({ err: error }, 'texts of an agent could not be synthesized; its call is not dialled');
      const detail = 'The speech server does not say what the agent has to say; the call was not dialled';
      return { reason: 'error_speech_provider', detail, retryable: true };
    }
  }

  /** A call is possible without its failure message. */
  private async orUndefined(audio: Promise<Int16Array | undefined>): Promise<Int16Array | undefined> {
    try {
      return await audio;
    } catch (error) {
      this.log.warn({ err: error }, 'failure message of an agent could not be synthesized; its call has none');
      return undefined;
    }
  }
}

/** The problem of the agent's settings, in words; undefined for any other error. */
function settingsProblem(error: unknown): string | undefined {
  if (error instanceof TemplateError) return `A template of the agent cannot be filled in: ${error.message}`;
  if (error instanceof ProviderError) return `A provider of the agent cannot be used: ${error.message}`;
  if (error instanceof DomainError && error.code === 'not_found') return 'The agent does not exist (any more)';
  if (error instanceof UnknownProvider || error instanceof SecretBoxError) return error.message;
  return undefined;
}

const NOTHING_TO_SAY =
  'The agent has nothing to say: give it audio with PUT /v1/agents/{id}/greeting-audio, or a firstMessage and set SPEECH_URL';
