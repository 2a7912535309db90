import { newConfiguration } from '../../src/agents/agent-changes.js';
import { agentTexts } from '../../src/agents/agent-texts.js';
import { startSession } from '../../src/sessions/start-session.js';
import { type SessionPlan } from '../../src/sessions/session-plan.js';
import { newId } from '../../src/lib/platform/ids.js';
import { type CallLeg } from '../../src/telephony/provider.js';
import { type ConversationEvent } from '../../src/voice/conversation-events.js';
import { refusingUrl } from '../fakes/fake-vendors.js';
import { factsOf } from '../support/call-log.js';
import { VirtualLine } from '../voice/support/virtual-line.js';

const APOLOGY = 'Das tut mir leid. Auf Wiederhören.';

it('a conversation of a realtime model ends with the presynthesized failure message', async () => {
  const line = new VirtualLine();
  const facts = factsOf(newId());
  const agent = newConfiguration('Test agent', { apology: APOLOGY });
  const plan: SessionPlan = {
    ...{ callId: newId(), facts, agent: { ...agent, agentId: facts.agentId, version: 1, greetingAudio: undefined } },
    ...{ used: { agentVersion: 1 }, texts: agentTexts(agent, facts, 0), tools: [], usage: [] },
    stages: { speechToSpeech: { kind: 'openai', baseUrl: await refusingUrl() } },
    script: { notice: undefined, greeting: undefined, onMachine: 'carry_on', message: undefined, listenMs: 0 },
    apology: line.vocabulary.speech(APOLOGY, 400, 'agent'),
    maxDurationMs: undefined,
  };
  const events: ConversationEvent[] = [];
  const surroundings = {
    http: { request: () => Promise.reject(new Error('no requests')) },
    knowledge: { search: () => Promise.resolve([]) },
    refusal: () => Promise.resolve(undefined),
    maxDurationMs: 60_000,
  };
  const talk = startSession(plan, line, {} as CallLeg, (event) => events.push(event), surroundings);
  const ends: unknown[] = [];
  void talk.ended.then((end) => ends.push(end));
  while (ends.length === 0) {
    line.tick();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(ends).toEqual([expect.objectContaining({ reason: 'error_llm_provider' })]);
  expect(events.flatMap((event) => (event.type === 'turn' ? [event.turn.text] : []))).toEqual([APOLOGY]);
  expect(line.vocabulary.read(line.played).map(({ text }) => text)).toEqual([APOLOGY]);
});
