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
import { conversing, providersOf } from './session-providers.js';

export interface SessionDeps {
  http: Pick<OutboundHttp, 'request'>;
  knowledge: Pick<KnowledgeSearch, 'search'>;
  /** Why an organization may not have a number dialled for a customer who is to be connected, if so. */
  refusal: (organizationId: string, to: string) => Promise<string | undefined>;
  maxDurationMs: number;
  /** Of lines that are faster than time. */
  clock?: Clock;
}

/** So long before the end the agent warns of it. */
const WARN_BEFORE_MS = 30_000;

/** Begins to speak on an answered line: a conversation where somebody hears, thinks and speaks, else an announcement. */
export function startSession(
  plan: SessionPlan,
  line: AudioPort,
  leg: CallLeg,
  tell: (event: ConversationEvent) => void,
  surroundings: SessionDeps,
): VoiceSession {
  const { script, stages, usage } = plan;
  for (const used of usage) tell({ type: 'usage', usage: used });
  const pipeline = pipelineOf(stages);
  if (!pipeline) return new Announcement(line, script);
  const conversation = new Conversation(line, {
    settings: settingsOf(plan, surroundings.maxDurationMs),
    pipeline,
    tools: toolsOf(plan, leg, surroundings),
    emit: tell,
    ...(surroundings.clock && { clock: surroundings.clock }),
  });
  return new VoicemailAwareSession(line, conversation, {
    onMachine: script.onMachine,
    message: script.message ?? script.greeting,
  });
}

/** undefined: some stage has no provider. */
function pipelineOf(stages: StagesSettings): PipelineFactory | undefined {
  if (stages.speechToSpeech) {
    const model = createRealtimeModel(stages.speechToSpeech);
    return (context) => new RealtimePipeline(context, model);
  }
  const providers = conversing(stages);
  if (!providers) return undefined;
  const speechToText = providersOf(providers.transcription, createSpeechToText);
  const model = providersOf(providers.model, createLanguageModel);
  const textToSpeech = providersOf(providers.speech, createTextToSpeech);
  return (context) => new CascadePipeline(context, { speechToText, model, textToSpeech });
}

function settingsOf(plan: SessionPlan, mostMs: number): ConversationSettings {
  const { facts, agent, texts, script, maxDurationMs } = plan;
  const { endpointing, interruption, silence } = agent;
  const usual = conversationSettings();
  const { firstMessage, durationWarning, apology, silencePrompt, farewell } = texts;
  return {
    ...usual,
    instructions: texts.instructions,
    notice: script.notice && { text: '', audio: script.notice },
    firstSpeaker: agent.firstSpeaker,
    firstMessage: firstMessage || script.greeting ? { text: firstMessage, audio: script.greeting } : undefined,
    // Each provider has its own (`withVoices`).
    voice: undefined,
    language: facts.language ?? agent.language ?? undefined,
    temperature: agent.temperature ?? undefined,
    endpointing: { ...usual.endpointing, ...endpointing },
    interruptible: interruption?.enabled ?? true,
    interruptMs: interruption?.afterMs ?? usual.interruptMs,
    silence: {
      afterMs: silence?.afterSeconds === undefined ? usual.silence.afterMs : silence.afterSeconds * 1000,
      prompt: silencePrompt ? { text: silencePrompt } : usual.silence.prompt,
      times: silence?.times ?? usual.silence.times,
      farewell: farewell ? { text: farewell } : undefined,
    },
    failureMessage: { text: apology, audio: plan.apology },
    maxDurationMs: Math.min(mostMs, maxDurationMs ?? mostMs),
    durationWarning: durationWarning ? { text: durationWarning, beforeMs: WARN_BEFORE_MS } : undefined,
  };
}

function toolsOf(plan: SessionPlan, leg: CallLeg, { http, knowledge, refusal }: SessionDeps): Tool[] {
  const { agent, tools: chosen, facts, callId } = plan;
  const { organizationId, fromNumber, disableKnowledgeBases } = facts;
  const tools = agentTools(chosen, {
    leg,
    fromNumber,
    refusal: (to) => refusal(organizationId, to),
    http: (tool) => httpTool(tool, http, callId),
  });
  const hasKnowledge = agent.knowledgeBaseIds.length > 0 && !disableKnowledgeBases;
  return hasKnowledge ? [...tools, knowledgeTool(knowledge, organizationId, agent.knowledgeBaseIds)] : tools;
}
