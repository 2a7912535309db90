import { type OutboundGuard } from '../lib/platform/index.js';
import { stagesFor, UnknownProvider, withVoices } from './stage-providers.js';

const SETTINGS = {
  transcription: { kind: 'deepgram', apiKey: 'ours' },
  model: { kind: 'openai', baseUrl: 'http://model', model: 'small' },
  speech: { kind: 'openai', baseUrl: 'http://speech', model: 'tts', voice: 'alloy' },
};
const ACCOUNTS = new Map([
  ['one', { kind: 'openai', apiKey: 'theirs' }],
  ['two', { kind: 'deepgram', apiKey: 'also theirs' }],
]);
const GUARD: OutboundGuard = { problem: () => undefined, lookup: () => undefined };
const asked: unknown[] = [];
const accounts = (organizationId: string, ids: readonly string[]) => {
  asked.push([organizationId, ids]);
  return Promise.resolve(new Map([...ACCOUNTS].filter(([id]) => ids.includes(id))));
};
const of = (agent: Partial<Parameters<typeof stagesFor>[0]>, settings: Parameters<typeof stagesFor>[3] = SETTINGS) =>
  stagesFor({ providers: null, model: null, ...agent }, 'org', accounts, settings, GUARD);

describe('who hears, thinks and speaks for an agent', () => {
  it('is as the settings say, where the agent says nothing', async () => {
    expect(await of({})).toEqual({
      transcription: { primary: SETTINGS.transcription },
      model: { primary: SETTINGS.model },
      speech: { primary: SETTINGS.speech },
    });
  });

  it('is an account of the organization, guarded, with models and voices of its own', async () => {
    asked.length = 0;
    const stages = await of({
      providers: {
        model: { providerId: 'one', model: 'large', fallback: { model: 'tiny' } },
        speech: { voice: 'coral', fallback: { providerId: 'two' } },
        speechToSpeech: { providerId: 'one', voice: 'marin' },
      },
    });
    expect(stages).toEqual({
      transcription: { primary: SETTINGS.transcription },
      model: {
        primary: { kind: 'openai', apiKey: 'theirs', model: 'large', guard: GUARD },
        fallback: { ...SETTINGS.model, model: 'tiny' },
      },
      speech: {
        primary: { ...SETTINGS.speech, voice: 'coral' },
        fallback: { kind: 'deepgram', apiKey: 'also theirs', guard: GUARD },
      },
      speechToSpeech: { kind: 'openai', apiKey: 'theirs', voice: 'marin', guard: GUARD },
    });
    expect(asked).toEqual([['org', ['one', 'two', 'one']]]);
  });

  it('thinks with the model that the agent names, unless its provider names another', async () => {
    expect((await of({ model: 'large' })).model?.primary.model).toBe('large');
    expect((await of({ model: 'large', providers: { model: { model: 'huge' } } })).model?.primary.model).toBe('huge');
  });

  it.each([
    ['as the call asks', 'call', 'agent', 'stage', 'call'],
    ['as the agent says of the stage', undefined, 'agent', 'stage', 'stage'],
    ['as the agent says of itself', undefined, 'agent', undefined, 'agent'],
    ['as the settings say', undefined, undefined, undefined, 'alloy'],
  ])('speaks %s', async (_, ofCall, ofAgent, ofStage, voice) => {
    const providers = ofStage === undefined ? null : { speech: { voice: ofStage } };
    expect(withVoices(await of({ providers }), providers, { ofCall, ofAgent }).speech?.primary.voice).toBe(voice);
  });

  it('stands in for another vendor with a voice of its own', async () => {
    const other = { speech: { fallback: { providerId: 'two', voice: 'aura' } } };
    const same = { speech: { fallback: { providerId: 'one' } } };
    const voices = { ofCall: 'call', ofAgent: 'agent' };
    expect(withVoices(await of({ providers: other }), other, voices).speech?.fallback?.voice).toBe('aura');
    expect(withVoices(await of({ providers: same }), same, voices).speech?.fallback?.voice).toBe('call');
    const whole = { speechToSpeech: { providerId: 'one' } };
    const stages = withVoices(await of({ providers: whole }), whole, voices);
    expect([stages.speechToSpeech?.voice, stages.speech?.primary.voice]).toEqual(['call', 'alloy']);
  });

  it('is nobody where neither says anything', async () => {
    expect(await of({}, {})).toEqual({});
  });

  it('cannot be an account that is not there', async () => {
    await expect(of({ providers: { model: { providerId: 'gone' } } })).rejects.toThrow(UnknownProvider);
  });
});
