import { type AgentsService } from '../agents/index.js';
import { type KnowledgeSearch } from '../knowledge/index.js';
import { type ProviderAccountsService } from '../provider-accounts/index.js';
import { type Config } from '../config/config.js';
import { type Database, type Log, type OutboundHttp, type SecretBox } from '../lib/platform/index.js';
import { type AudioPort } from '../lib/audio/index.js';
import { type CallLeg, type SimulatorProvider } from '../telephony/index.js';
import { type CarriersForCalls } from '../carriers/index.js';
import { type DiallingPolicyService, DailyUse } from '../compliance/index.js';
import { type ConversationEvent, type VoiceSession } from '../voice/index.js';
import { type Environment } from '../calls/index.js';
import { LiveCallPreparation, type Preparation, TestCallPreparation } from './preparation/call-preparation.js';
import { type FinishRecordings, type Recordings } from '../recordings/index.js';
import { startSession } from './start-session.js';
import { type ConversationRecorder } from './conversation-recorder.js';
import { type SessionPlan, SessionPlanner } from './session-plan.js';

/** What calls that are spoken need beside a provider. */
export interface SessionSupport {
  /** What is prepared before a call is dialled; an environment without tells its turns itself. */
  preparations: Partial<Record<Environment, Preparation>>;
  startSession: (plan: SessionPlan, line: AudioPort, leg: CallLeg, notes: ConversationRecorder) => VoiceSession;
  finishing: FinishRecordings;
}

/** Built-in providers without a key: the same words get the same answer. */
const SCRIPTED = { kind: 'scripted' };
const SCRIPTED_PROVIDERS = { transcription: SCRIPTED, model: SCRIPTED, speech: SCRIPTED };

export function createSessionSupport(
  config: Config,
  log: Log,
  database: Database,
  secrets: SecretBox,
  http: OutboundHttp,
  agents: AgentsService,
  accounts: ProviderAccountsService,
  knowledge: KnowledgeSearch,
  carriers: CarriersForCalls,
  policy: DiallingPolicyService,
  recordings: Recordings,
  finishing: FinishRecordings,
  simulator: Pick<SimulatorProvider, 'hasAudio' | 'clock'>,
): SessionSupport {
  const { maxCallDurationMs: maxDurationMs } = config;
  const dailyUse = new DailyUse(database, config.callCostPerMinute);
  const planner = new SessionPlanner({
    agents,
    accounts: (organizationId, ids) => accounts.accountsFor(organizationId, ids),
    guard: http.guard,
    providers: config.providers,
    secrets,
    config,
    log,
  });
  const scripted = new SessionPlanner({
    agents: { forCalls: async (...of) => ({ ...(await agents.forCalls(...of)), providers: null, model: null }) },
    accounts: () => Promise.resolve(new Map()),
    guard: http.guard,
    providers: SCRIPTED_PROVIDERS,
    secrets,
    config: { recordingNotice: undefined },
    log,
  });
  /** Why nobody at a number may be rung for a customer who is to be connected. */
  const refusal = async (organizationId: string, to: string): Promise<string | undefined> => {
    const counts = { callsToNumberToday: 0, spentToday: await dailyUse.spent(organizationId) };
    const { allowed, detail } = await policy.check(organizationId, to, new Date(), counts);
    return allowed ? undefined : detail;
  };
  /** Models and timelines are told that it does not work, not what the database says. */
  const orElse = async <T>(work: Promise<T>, what: string): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      log.error({ err: error }, `${what} failed in a conversation`);
      throw new Error(`${what} does not work at the moment`);
    }
  };
  const search = (...asked: Parameters<KnowledgeSearch['search']>) => orElse(knowledge.search(...asked), 'The search');
  const surroundings = { http, knowledge: { search }, maxDurationMs };
  const checked = (...asked: Parameters<typeof refusal>) => orElse(refusal(...asked), 'The dialling policy');
  const onLive = { ...surroundings, refusal: checked };
  const onTest = { ...surroundings, refusal: () => Promise.resolve(undefined), clock: simulator.clock };
  return {
    preparations: {
      live: new LiveCallPreparation({ planner, carriers, policy, dailyUse, recordings }),
      ...(simulator.hasAudio ? { test: new TestCallPreparation(scripted) } : {}),
    },
    startSession: (plan, line, leg, notes) =>
      plan.facts.environment === 'live'
        ? startSession(plan, line, leg, notes.take, onLive)
        : startSession(
            plan,
            line,
            leg,
            (event) => {
              notes.take(onTheClock(event, config.simulatorSpeed));
            },
            onTest,
          ),
    finishing,
  };
}

/** Lines that are faster than time count their own milliseconds. */
function onTheClock(event: ConversationEvent, speed: number): ConversationEvent {
  if (event.type !== 'turn' || speed === 1) return event;
  const { startMs, endMs } = event.turn;
  return { ...event, turn: { ...event.turn, startMs: startMs / speed, endMs: endMs / speed } };
}
