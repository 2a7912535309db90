import { type AgentForCalls, type AgentsService, openSecrets } from '../../agents/index.js';
import { type Config } from '../../config.js';
import { type Log, type OutboundGuard, type SecretBox, SecretBoxError } from '../../platform/index.js';
import {
  type AnnouncementScript,
  createSpeaker,
  ProviderError,
  type ProviderSettings,
  say,
  TemplateError,
  type Usage,
} from '../../voice/index.js';
import { type AgentUsed, type CallFacts, type DisconnectionReason } from '../call-events.js';
import { type AgentTexts, agentTexts } from './agent-texts.js';
import { noticeTone } from './notice-tone.js';
import { type Accounts, type StagesSettings, stagesFor, type StageName, UnknownProvider } from './stage-providers.js';
import { checkStages, conversing, providersOf } from './talk-providers.js';

/** Nobody is kept from a call for longer by an apology that may not be needed. */
const APOLOGY_MS = 5_000;

/** What an agent will do on a line, known before it is dialled. */
export interface TalkPlan {
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

/** Why an agent cannot speak in a call. */
export interface NoTalk {
  reason: DisconnectionReason;
  detail: string;
  retryable: boolean;
}

export interface TalkPlannerParts {
  agents: Pick<AgentsService, 'forCalls'>;
  accounts: Accounts;
  /** For where accounts lead. */
  guard: OutboundGuard;
  /** The providers of the settings. Hold keys. */
  providers: Partial<Record<StageName, ProviderSettings>>;
  secrets: SecretBox;
  config: Pick<Config, 'recordingNotice'>;
  log: Log;
}

/**
 * Finds out what an agent has to say in a call and who says it, all of it before the phone rings: nobody is called to be
 * met with silence.
 */
export class TalkPlanner {
  constructor(private readonly parts: TalkPlannerParts) {}

  /** @throws Error when the database cannot be asked */
  async plan(callId: string, facts: CallFacts): Promise<TalkPlan | NoTalk> {
    const { agents, accounts, providers, guard } = this.parts;
    const { organizationId } = facts;
    const agent = await agents.forCalls(organizationId, facts.agentId);
    let known: Pick<TalkPlan, 'texts' | 'stages' | 'tools'>;
    try {
      const texts = agentTexts(agent, facts, Date.now());
      const stages = await stagesFor(agent, organizationId, accounts, providers, guard);
      checkStages(stages);
      known = { texts, stages, tools: this.opened(agent) };
    } catch (error) {
      const problem = problemOf(error);
      if (problem === undefined) throw error;
      return { reason: 'dial_failed', detail: problem, retryable: false };
    }
    const spoken = await this.sayBeforehand({ facts, agent, ...known });
    if ('reason' in spoken) return spoken;
    const { version: agentVersion, maxDurationSeconds } = agent;
    const used = { agentVersion, ...(known.texts.missing.length > 0 ? { missingVariables: known.texts.missing } : {}) };
    const maxDurationMs = maxDurationSeconds === null ? undefined : maxDurationSeconds * 1000;
    return { callId, facts, agent, used, ...known, ...spoken, maxDurationMs };
  }

  private opened({ tools, agentId }: AgentForCalls): AgentForCalls['tools'] {
    const { secrets } = this.parts;
    return tools && tools.map((tool) => (tool.type === 'http' ? openSecrets(tool, secrets, agentId) : tool));
  }

  private async sayBeforehand({
    facts,
    agent,
    texts,
    stages,
  }: Pick<TalkPlan, 'facts' | 'agent' | 'texts' | 'stages'>): Promise<
    Pick<TalkPlan, 'script' | 'apology' | 'usage'> | NoTalk
  > {
    const { config, log } = this.parts;
    const speakers = stages.speech && providersOf(stages.speech, createSpeaker);
    const usage: Usage[] = [];
    const voice = facts.voiceId ?? agent.voiceId ?? undefined;
    const language = facts.language ?? agent.language ?? undefined;
    const spoken = async (words: string, timeoutMs?: number): Promise<Int16Array | undefined> => {
      if (words === '' || !speakers) return undefined;
      const { pcm, provider } = await say(speakers, words, { voice, language, ...(timeoutMs && { timeoutMs }) });
      usage.push({ stage: 'speech', provider, characters: words.length });
      return pcm;
    };
    try {
      const greeting = agent.greetingAudio ?? (await spoken(texts.firstMessage));
      if (!greeting && !conversing(stages) && !stages.speechToSpeech)
        return { reason: 'error_speech_provider', detail: NOTHING_TO_SAY, retryable: false };
      const message = agent.onMachine === 'leave_message' ? await spoken(texts.voicemailMessage) : undefined;
      const announced = agent.recordCalls ? (config.recordingNotice ?? '') : '';
      const notice = announced === 'tone' ? noticeTone() : await spoken(announced);
      const { onMachine, listenSeconds } = agent;
      const apology = stages.speechToSpeech && (await this.unlessItFails(spoken(texts.apology, APOLOGY_MS)));
      return { usage, apology, script: { notice, greeting, message, onMachine, listenMs: listenSeconds * 1000 } };
    } catch (error) {
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
      this.parts.log.warn({ err: error }, 'the speech server does not say the apology of an agent; its call has none');
      return undefined;
    }
  }
}

/** Why an agent cannot speak, in words; undefined for what is no fault of its settings. */
function problemOf(error: unknown): string | undefined {
  if (error instanceof TemplateError) return `A template of the agent cannot be filled in: ${error.message}`;
  if (error instanceof ProviderError) return `A provider of the agent cannot be used: ${error.message}`;
  if (error instanceof UnknownProvider || error instanceof SecretBoxError) return error.message;
  return undefined;
}

const NOTHING_TO_SAY =
  'The agent has nothing to say: give it audio with PUT /v1/agents/{id}/greeting-audio, or a firstMessage and set SPEECH_URL';
