import {
  type AgentForCalls,
  AgentsService,
  openSecrets,
  type AgentTexts,
  agentTexts,
  type Accounts,
  stagesFor,
  type StagesSettings,
  UnknownProvider,
  withVoices,
} from '../agents/index.js';
import { Inject, Injectable } from '@nestjs/common';
import { type Config } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { ProviderAccountsService } from '../provider-accounts/index.js';
import { DomainError, Log, OutboundHttp, SecretBox, SecretBoxError, TemplateError } from '../lib/platform/index.js';
import {
  type AnnouncementScript,
  createTextToSpeech,
  ProviderError,
  presynthesize,
  type Usage,
} from '../voice/index.js';
import { type AgentUsed, type CallFacts, type DisconnectionReason } from '../calls/index.js';
import { noticeTone } from '../lib/audio/index.js';
import { checkStages, conversing, providersOf } from './session-providers.js';

/** For all that is said beforehand: after ten seconds a call that was let through counts as never made (`admit_calls`). */
const SPEECH_MS = 9_000;
/** Nobody is kept from a call for longer by an apology that may not be needed. */
const APOLOGY_MS = 4_000;

/** What an agent will do on a line, known before it is dialled. */
export interface SessionPlan {
  callId: string;
  facts: CallFacts;
  agent: AgentForCalls;
  used: AgentUsed;
  texts: AgentTexts;
  /** Holds keys. */
  stages: StagesSettings;
  /** With opened secrets. */
  tools: AgentForCalls['tools'];
  /** What has been said beforehand. */
  script: AnnouncementScript;
  /** Said beforehand for those who cannot say it when it is needed. */
  apology: Int16Array | undefined;
  usage: Usage[];
  /** From the answer on; undefined: no limit of its own. */
  maxDurationMs: number | undefined;
}

type Known = Pick<SessionPlan, 'agent' | 'texts' | 'stages' | 'tools'>;

/** Why an agent cannot speak in a call. */
export interface CannotSpeak {
  reason: DisconnectionReason;
  detail: string;
  retryable: boolean;
}

/** Built-in providers without a key, for calls of test mode: the same words get the same answer. */
const SCRIPTED = { kind: 'scripted' };
const SCRIPTED_PROVIDERS = { transcription: SCRIPTED, model: SCRIPTED, speech: SCRIPTED };
const NO_ACCOUNTS: Accounts = () => Promise.resolve(new Map<string, never>());

/**
 * Finds out what an agent has to say in a call and who says it, all of it before the phone rings: nobody is called to be
 * met with silence.
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

  /** @throws Error when the database cannot be asked, or `signal` is aborted */
  async plan(callId: string, facts: CallFacts, signal?: AbortSignal): Promise<SessionPlan | CannotSpeak> {
    let known: Known;
    try {
      known = await this.know(facts);
    } catch (error) {
      const problem = problemOf(error);
      if (problem === undefined) throw error;
      return { reason: 'dial_failed', detail: problem, retryable: false };
    }
    const { agent } = known;
    const spoken = await this.sayBeforehand(facts, known, signal);
    if ('reason' in spoken) return spoken;
    const { version: agentVersion, maxDurationSeconds } = agent;
    const used = { agentVersion, ...(known.texts.missing.length > 0 ? { missingVariables: known.texts.missing } : {}) };
    const maxDurationMs = maxDurationSeconds === null ? undefined : maxDurationSeconds * 1000;
    return { callId, facts, used, ...known, ...spoken, maxDurationMs };
  }

  private async know(facts: CallFacts): Promise<Known> {
    const { organizationId, voiceId } = facts;
    const agent = await this.agentOf(facts);
    const texts = agentTexts(agent, facts, Date.now());
    const chosen =
      facts.environment === 'test'
        ? await stagesFor(agent, organizationId, NO_ACCOUNTS, SCRIPTED_PROVIDERS, this.http.guard)
        : await stagesFor(
            agent,
            organizationId,
            (...named) => this.accounts.accountsFor(...named),
            this.config.providers,
            this.http.guard,
          );
    const stages = withVoices(chosen, agent.providers, { ofCall: voiceId, ofAgent: agent.voiceId ?? undefined });
    checkStages(stages);
    return { agent, texts, stages, tools: this.opened(agent) };
  }

  /** Calls of test mode use the scripted providers, whichever the agent chooses. */
  private async agentOf({ organizationId, agentId, environment }: CallFacts): Promise<AgentForCalls> {
    const agent = await this.agents.forCalls(organizationId, agentId);
    return environment === 'test' ? { ...agent, providers: null, model: null } : agent;
  }

  private opened({ tools, agentId }: AgentForCalls): AgentForCalls['tools'] {
    return tools && tools.map((tool) => (tool.type === 'http' ? openSecrets(tool, this.secrets, agentId) : tool));
  }

  /** All at once: the call counts for the pace of its carrier meanwhile. */
  private async sayBeforehand(
    facts: CallFacts,
    { agent, texts, stages }: Known,
    signal: AbortSignal | undefined,
  ): Promise<Pick<SessionPlan, 'script' | 'apology' | 'usage'> | CannotSpeak> {
    const { config, log } = this;
    const speakers = stages.speech && providersOf(stages.speech, createTextToSpeech);
    const usage: Usage[] = [];
    const language = facts.language ?? agent.language ?? undefined;
    const patience = speakers?.fallback ? SPEECH_MS / 2 : SPEECH_MS;
    const spoken = async (words: string, timeoutMs = patience): Promise<Int16Array | undefined> => {
      if (words === '' || !speakers) return undefined;
      const { pcm, provider } = await presynthesize(speakers, words, { voice: undefined, language, timeoutMs, signal });
      usage.push({ stage: 'speech', provider, characters: words.length });
      return pcm;
    };
    try {
      const announced = agent.recordCalls && facts.environment !== 'test' ? (config.recordingNotice ?? '') : '';
      const [greeting, message, notice, apology] = await Promise.all([
        agent.greetingAudio ?? spoken(texts.firstMessage),
        agent.onMachine === 'leave_message' ? spoken(texts.voicemailMessage) : undefined,
        announced === 'tone' ? noticeTone() : spoken(announced),
        stages.speechToSpeech && this.unlessItFails(spoken(texts.apology, APOLOGY_MS)),
      ]);
      if (!greeting && !conversing(stages) && !stages.speechToSpeech)
        return { reason: 'error_speech_provider', detail: NOTHING_TO_SAY, retryable: false };
      const { onMachine, listenSeconds } = agent;
      return { usage, apology, script: { notice, greeting, message, onMachine, listenMs: listenSeconds * 1000 } };
    } catch (error) {
      if (signal?.aborted) throw error;
      log.warn({ err: error }, 'the speech server does not say what an agent has to say');
      const detail = 'The speech server does not say what the agent has to say; the call was not dialled';
      return { reason: 'error_speech_provider', detail, retryable: true };
    }
  }

  /** A conversation can do without its apology. */
  private async unlessItFails(audio: Promise<Int16Array | undefined>): Promise<Int16Array | undefined> {
    try {
      return await audio;
    } catch (error) {
      this.log.warn({ err: error }, 'the speech server does not say the apology of an agent; its call has none');
      return undefined;
    }
  }
}

/** Why an agent cannot speak, in words; undefined for what is no fault of its settings. */
function problemOf(error: unknown): string | undefined {
  if (error instanceof TemplateError) return `A template of the agent cannot be filled in: ${error.message}`;
  if (error instanceof ProviderError) return `A provider of the agent cannot be used: ${error.message}`;
  if (error instanceof DomainError && error.code === 'not_found') return 'The agent does not exist (any more)';
  if (error instanceof UnknownProvider || error instanceof SecretBoxError) return error.message;
  return undefined;
}

const NOTHING_TO_SAY =
  'The agent has nothing to say: give it audio with PUT /v1/agents/{id}/greeting-audio, or a firstMessage and set SPEECH_URL';
