import { type OutboundHttp } from '../lib/platform/index.js';
import { type KnowledgeSearch } from '../knowledge/index.js';
import { type AudioPort } from '../lib/audio/index.js';
import { type CallLeg } from '../telephony/index.js';
import {
  VoicemailAwareSession,
  Announcement,
  Conversation,
  type Clock,
  type ConversationEvent,
  type ConversationSettings,
  createLanguageModel,
  createTextToSpeech,
  createRealtimeModel,
  createSpeechToText,
  conversationSettings,
  CascadePipeline,
  RealtimePipeline,
  type PipelineFactory,
  type VoiceSession,
  type Tool,
} from '../voice/index.js';
import { agentTools } from './tools/agent-tools.js';
import { httpTool } from './tools/http-tool.js';
import { knowledgeTool } from './tools/knowledge-tool.js';
import { type StagesSettings } from '../agents/index.js';
import { type SessionPlan } from './session-plan.js';
import { conversationProviders, providersOf } from './session-providers.js';

interface SessionDeps {
  http: Pick<OutboundHttp, 'request'>;
  knowledge: Pick<KnowledgeSearch, 'search'>;
  /** Why the dialling policy refuses the target of a transfer; undefined when it allows it. */
  refusal: (organizationId: string, to: string) => Promise<string | undefined>;
  maxDurationMs: number;
  /** Clock of a simulated line that runs faster than real time. */
  clock?: Clock;
}

/** The agent warns this long before the end. */
const WARN_BEFORE_MS = 30_000;

/** Starts the agent on an answered line: a conversation, or an announcement without the providers of one. */
export function startSession(
  plan: SessionPlan,
  line: AudioPort,
  leg: CallLeg,
  emit: (event: ConversationEvent) => void,
  deps: SessionDeps,
): VoiceSession {
  const { script, stages, usage } = plan;
  for (const used of usage) emit({ type: 'usage', usage: used });
  const pipeline = pipelineOf(stages);
  if (!pipeline) return new Announcement(line, script);
  const conversation = new Conversation(line, {
    settings: settingsOf(plan, deps.maxDurationMs),
    pipeline,
    tools: toolsOf(plan, leg, deps),
    emit,
    ...(deps.clock && { clock: deps.clock }),
  });
  return new VoicemailAwareSession(line, conversation, {
    onMachine: script.onMachine,
    message: script.message ?? script.greeting,
  });
}

/** Undefined: a stage has no provider. */
function pipelineOf(stages: StagesSettings): PipelineFactory | undefined {
  if (stages.speechToSpeech) {
    const model = createRealtimeModel(stages.speechToSpeech);
    return (context) => new RealtimePipeline(context, model);
  }
  const providers = conversationProviders(stages);
  if (!providers) return undefined;
  const speechToText = providersOf(providers.transcription, createSpeechToText);
  const model = providersOf(providers.model, createLanguageModel);
  const textToSpeech = providersOf(providers.speech, createTextToSpeech);
  return (context) => new CascadePipeline(context, { speechToText, model, textToSpeech });
}

function settingsOf(plan: SessionPlan, maxMs: number): ConversationSettings {
  const { facts, agent, texts, script, maxDurationMs } = plan;
  const { endpointing, interruption, silence } = agent;
  const defaults = conversationSettings();
  const { firstMessage, durationWarning, apology, silencePrompt, farewell } = texts;
  return {
    ...defaults,
    instructions: texts.instructions,
    notice: script.notice && { text: '', audio: script.notice },
    firstSpeaker: agent.firstSpeaker,
    firstMessage: firstMessage || script.greeting ? { text: firstMessage, audio: script.greeting } : undefined,
    // Each provider has its own voice (`withVoices`).
    voice: undefined,
    language: facts.language ?? agent.language ?? undefined,
    temperature: agent.temperature ?? undefined,
    endpointing: { ...defaults.endpointing, ...endpointing },
    interruptible: interruption?.enabled ?? true,
    interruptMs: interruption?.afterMs ?? defaults.interruptMs,
    silence: {
      afterMs: silence?.afterSeconds === undefined ? defaults.silence.afterMs : silence.afterSeconds * 1000,
      prompt: silencePrompt ? { text: silencePrompt } : defaults.silence.prompt,
      times: silence?.times ?? defaults.silence.times,
      farewell: farewell ? { text: farewell } : undefined,
    },
    failureMessage: { text: apology, audio: plan.apology },
    maxDurationMs: Math.min(maxMs, maxDurationMs ?? maxMs),
    durationWarning: durationWarning ? { text: durationWarning, beforeMs: WARN_BEFORE_MS } : undefined,
  };
}

function toolsOf(plan: SessionPlan, leg: CallLeg, { http, knowledge, refusal }: SessionDeps): Tool[] {
  const { agent, facts, callId } = plan;
  const { organizationId, fromNumber, disableKnowledgeBases } = facts;
  const tools = agentTools(plan.tools, {
    leg,
    fromNumber,
    refusal: (to) => refusal(organizationId, to),
    http: (tool) => httpTool(tool, http, callId),
  });
  const hasKnowledge = agent.knowledgeBaseIds.length > 0 && !disableKnowledgeBases;
  return hasKnowledge ? [...tools, knowledgeTool(knowledge, organizationId, agent.knowledgeBaseIds)] : tools;
}
