import { type AgentForCalls, type AgentsService } from '../../agents/index.js';
import { type Config } from '../../config.js';
import { type Log, SecretBoxError } from '../../platform/index.js';
import {
  type AudioPort,
  type CallLeg,
  type CarriersForCalls,
  type DiallingPolicyService,
  type LineSetup,
  type SipCarrier,
} from '../../telephony/index.js';
import {
  AgentTalk,
  Announcement,
  type AnnouncementScript as Script,
  createLanguageModel,
  createSpeaker,
  createTranscriber,
  endCall,
  fillIn,
  sendDtmf,
  type Speech,
  type ConversationEvent,
  type Talk,
} from '../../voice/index.js';
import { type CallFacts, type DisconnectionReason, type Screening } from '../call-events.js';
import { type CallCommand } from '../call.js';
import { type Recordings } from '../recordings/recordings.js';
import { type DailyUse } from './daily-use.js';
import { noCarrier } from './no-carrier.js';
import { noticeTone } from './notice-tone.js';

/** What a live call needs before it can be dialled, or why it will not be. */
export type Prepared =
  | { is: 'ready'; screening: Screening; line: (claim: string) => LineSetup; talk: StartTalk; script: Script }
  | { is: 'refused'; command: CallCommand };

/** Begins to speak on an answered line. What is said is told as it is said. */
export type StartTalk = (line: AudioPort, leg: CallLeg, tell: (event: ConversationEvent) => void) => Talk;

export interface CallPreparationParts {
  agents: Pick<AgentsService, 'forCalls'>;
  carriers: Pick<CarriersForCalls, 'carrierFor'>;
  policy: Pick<DiallingPolicyService, 'check'>;
  dailyUse: DailyUse;
  speech: Speech | undefined;
  recordings: Recordings;
  /** Who hears, thinks and speaks; without them agents make announcements. */
  conversation?: Config['conversation'];
  config: Pick<Config, 'recordingNotice'> & Partial<Pick<Config, 'maxCallDurationMs'>>;
  log: Log;
}

/**
 * Gathers what a live call needs: a carrier, the consent of the dialling policy, and what the agent has to say. All of
 * it before the attempt is claimed, so that a phone never rings for a call that could not go on.
 */
export class CallPreparation {
  constructor(private readonly parts: CallPreparationParts) {}

  /** @throws Error when the database cannot be asked: then nothing may be dialled */
  async prepare(callId: string, facts: CallFacts): Promise<Prepared> {
    const { organizationId } = facts;
    const carrier = await this.carrierOf(facts);
    if (typeof carrier === 'string') return failed('telephony_provider_unavailable', carrier, false);
    const screening = await this.screen(callId, facts);
    if (!screening.allowed) return { is: 'refused', command: { type: 'RefuseCall', at: now(), screening } };
    const agent = await this.parts.agents.forCalls(organizationId, facts.agentId);
    const script = await this.scriptFor(facts, agent);
    if (typeof script === 'string') {
      await this.parts.dailyUse.giveBack(organizationId, facts.toNumber, callId);
      return failed('error_speech_provider', script, script !== NOTHING_TO_SAY);
    }
    const line = (claim: string): LineSetup => {
      const recordTo = agent.recordCalls ? this.parts.recordings.fileFor(callId, claim) : undefined;
      return { carrier, organizationId, detectsAnswer: true, recordTo };
    };
    return { is: 'ready', screening, line, script, talk: this.talkOf(facts, agent, script) };
  }

  /** @returns the carrier, or what is missing, in words */
  private async carrierOf({ organizationId, fromNumber }: CallFacts): Promise<SipCarrier | string> {
    try {
      return (await this.parts.carriers.carrierFor(organizationId, fromNumber)) ?? noCarrier(fromNumber);
    } catch (error) {
      if (error instanceof SecretBoxError) return error.message;
      throw error;
    }
  }

  private async screen(callId: string, { organizationId, toNumber }: CallFacts): Promise<Screening> {
    const { dailyUse, policy } = this.parts;
    const counts = await dailyUse.count(organizationId, toNumber, callId);
    const { allowed, rule, detail } = await policy.check(organizationId, toNumber, new Date(), counts);
    if (!allowed) await dailyUse.giveBack(organizationId, toNumber, callId);
    return { allowed, rule, detail };
  }

  /** @returns what to say, or why it cannot be said */
  private async scriptFor(facts: CallFacts, agent: AgentForCalls): Promise<Script | string> {
    const { speech, config, log, conversation } = this.parts;
    const variables = variablesOf(facts);
    const voice = facts.voiceId ?? agent.voiceId ?? undefined;
    const say = (text: string | null): Promise<Int16Array> | undefined => {
      // What consists of variables may leave nothing, which no server can say.
      const words = fillIn(text ?? '', variables).trim();
      return words === '' ? undefined : speech?.say(words, voice);
    };
    try {
      const greeting = agent.greetingAudio ?? (await say(agent.firstMessage));
      if (!greeting && !conversation) return NOTHING_TO_SAY;
      const message = agent.onMachine === 'leave_message' ? await say(agent.voicemailMessage) : undefined;
      const { recordingNotice } = config;
      const isAnnounced = agent.recordCalls && recordingNotice !== undefined;
      const notice = !isAnnounced ? undefined : recordingNotice === 'tone' ? noticeTone() : await say(recordingNotice);
      return { notice, greeting, message, onMachine: agent.onMachine, listenMs: agent.listenSeconds * 1000 };
    } catch (error) {
      log.warn({ err: error }, 'the speech server does not say what an agent has to say');
      return 'The speech server does not say what the agent has to say; the call was not dialled';
    }
  }

  /** A conversation where somebody hears, thinks and speaks; else an announcement. */
  private talkOf(facts: CallFacts, agent: AgentForCalls, script: Script): StartTalk {
    const { conversation, config } = this.parts;
    if (!conversation) return (line) => new Announcement(line, script);
    const variables = variablesOf(facts);
    const { greeting, notice, message, onMachine } = script;
    const firstMessage = fillIn(agent.firstMessage ?? '', variables).trim();
    const settings = {
      instructions: fillIn(agent.prompt ?? '', variables),
      firstMessage: firstMessage || greeting ? { text: firstMessage, audio: greeting } : undefined,
      notice: notice && { text: '', audio: notice },
      voice: facts.voiceId ?? agent.voiceId ?? undefined,
      language: facts.language ?? agent.language ?? undefined,
      ...(config.maxCallDurationMs === undefined ? {} : { maxDurationMs: config.maxCallDurationMs }),
    };
    const providers = {
      transcribers: { primary: createTranscriber(conversation.transcription) },
      models: { primary: createLanguageModel(conversation.model) },
      speakers: { primary: createSpeaker(conversation.speech) },
    };
    return (line, leg, tell) =>
      new AgentTalk(
        line,
        {
          settings,
          ...providers,
          tools: [endCall(), sendDtmf(leg)],
          tell: (event) => {
            tell(event);
            if (event.type === 'fault')
              this.parts.log.warn({ fault: event.fault }, 'a provider of a conversation failed');
          },
        },
        { onMachine, message: message ?? greeting },
      );
  }
}

/** What templates may name. */
const variablesOf = (facts: CallFacts): Record<string, unknown> => ({
  customerName: facts.customerName,
  ...facts.dynamicVariables,
});

const NOTHING_TO_SAY =
  'The agent has nothing to say: give it audio with PUT /v1/agents/{id}/greeting-audio, or a firstMessage and set SPEECH_URL';

function failed(disconnectionReason: DisconnectionReason, detail: string, retryable: boolean): Prepared {
  const outcome = { sipCode: null, responsible: 'system', retryable, detail } as const;
  return { is: 'refused', command: { type: 'EndCall', at: now(), disconnectionReason, outcome } };
}

const now = (): string => new Date().toISOString();
