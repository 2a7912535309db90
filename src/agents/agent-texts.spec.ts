import { type CallFacts } from '../calls/index.js';
import { conversationSettings } from '../voice/index.js';
import { agentTexts } from './agent-texts.js';

const facts: CallFacts = {
  organizationId: 'o',
  environment: 'live',
  agentId: 'a',
  direction: 'OUTBOUND',
  fromNumber: '+4930',
  toNumber: '+39055',
  customerName: 'Ann',
};
const AT = Date.parse('2026-04-05T14:03:59Z');
const nothing = {
  prompt: null,
  firstMessage: null,
  voicemailMessage: null,
  durationWarning: null,
  apology: null,
  silence: null,
};

describe('what an agent says in a call', () => {
  it('knows the call and what came with it, which wins', () => {
    const prompt = '{{customerName}} {{customerPhone}} {{fromNumber}} {{currentDate}} {{currentTime}} {{order.id}}';
    const told = { ...facts, dynamicVariables: { order: { id: 7 }, customerPhone: 'hidden' } };
    expect(agentTexts({ ...nothing, prompt }, told, AT)).toMatchObject({
      instructions: 'Ann hidden +4930 2026-04-05 14:03 7',
      missing: [],
    });
  });

  it.each([null, '', '{{nothing}}'])('apologises as usual where the agent says nothing: %j', (apology) => {
    expect(agentTexts({ ...nothing, apology }, facts, AT).apology).toBe(conversationSettings().failureMessage.text);
  });

  it('is not spoken when it becomes too long', () => {
    const told = { ...facts, dynamicVariables: { story: 'x'.repeat(6_000) } };
    expect(() => agentTexts({ ...nothing, firstMessage: '{{story}}' }, told, AT)).toThrow(/longer than 5000/);
    expect(agentTexts({ ...nothing, prompt: '{{story}}' }, told, AT).instructions).toHaveLength(6_000);
  });

  it('names once what is missing, whichever text names it, and says nothing in its place', () => {
    const texts = agentTexts(
      {
        prompt: 'For {{company}}.',
        firstMessage: 'This is {{company}}. {{#vip}}Dear {{title}}{{/vip}}',
        voicemailMessage: ' {{nothing}} ',
        durationWarning: 'Soon over.',
        apology: 'Sorry, {{customerName}} {{surname}}!',
        silence: { prompt: 'Still there, {{nick}}?', farewell: 'Bye.' },
      },
      facts,
      AT,
    );
    expect(texts).toEqual({
      instructions: 'For .',
      firstMessage: 'This is .',
      voicemailMessage: '',
      durationWarning: 'Soon over.',
      apology: 'Sorry, Ann !',
      silencePrompt: 'Still there, ?',
      farewell: 'Bye.',
      missing: ['company', 'nothing', 'surname', 'nick'],
    });
  });
});
