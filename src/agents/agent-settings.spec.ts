import { problemsIn } from '../../test/agents/agent-problems.js';

type Setting = 'providers' | 'endpointing' | 'interruption' | 'silence' | 'knowledgeBaseIds';
const ID = '01981f2e-9c1a-7b3e-8f7a-3a5f7c1f8f20';
const paths = (setting: Setting, value: unknown) => problemsIn({ [setting]: value }).map(({ path }) => path);

describe('the settings of an agent', () => {
  it.each<[Setting, unknown]>([
    ['providers', {}],
    ['providers', { transcription: {}, model: { fallback: {} }, speech: { voice: 'alloy' } }],
    ['providers', { model: { providerId: ID, model: 'm', fallback: { providerId: ID, voice: 'v' } } }],
    ['providers', { speechToSpeech: { providerId: ID, model: 'm', voice: 'v' } }],
    ['endpointing', {}],
    ['endpointing', { silenceMs: 100, sensitivity: 0 }],
    ['endpointing', { silenceMs: 3_000, sensitivity: 1 }],
    ['interruption', { enabled: false, afterMs: 20 }],
    ['interruption', { afterMs: 3_000 }],
    ['silence', { afterSeconds: 1, prompt: 'x', times: 0, farewell: 'x' }],
    ['silence', { afterSeconds: 600, times: 10 }],
    ['knowledgeBaseIds', []],
    ['knowledgeBaseIds', [ID]],
  ])('may be: %s %j', (setting, value) => {
    expect(paths(setting, value)).toEqual([]);
  });

  it.each<[string, Setting, unknown]>([
    ['providers', 'providers', 'openai'],
    ['providers', 'providers', []],
    ['providers.modell', 'providers', { modell: {} }],
    ['providers.model', 'providers', { model: 'gpt' }],
    ['providers.model', 'providers', { model: null }],
    ['providers.model.temperature', 'providers', { model: { temperature: 1 } }],
    ['providers.model.providerId', 'providers', { model: { providerId: 7 } }],
    ['providers.model.providerId', 'providers', { model: { providerId: '' } }],
    ['providers.model.fallback.fallback', 'providers', { model: { fallback: { fallback: {} } } }],
    ['providers.speechToSpeech.fallback', 'providers', { speechToSpeech: { fallback: {} } }],
    ['providers.speech.voice', 'providers', { speech: { voice: 'x'.repeat(201) } }],
    ['endpointing.silenceMs', 'endpointing', { silenceMs: 99 }],
    ['endpointing.silenceMs', 'endpointing', { silenceMs: 3_001 }],
    ['endpointing.silenceMs', 'endpointing', { silenceMs: 100.5 }],
    ['endpointing.sensitivity', 'endpointing', { sensitivity: 1.1 }],
    ['endpointing.sensitivity', 'endpointing', { sensitivity: '1' }],
    ['endpointing.silencems', 'endpointing', { silencems: 100 }],
    ['interruption.enabled', 'interruption', { enabled: 'yes' }],
    ['interruption.afterMs', 'interruption', { afterMs: 19 }],
    ['interruption.afterMs', 'interruption', { afterMs: 3_001 }],
    ['silence.afterSeconds', 'silence', { afterSeconds: 0 }],
    ['silence.afterSeconds', 'silence', { afterSeconds: 601 }],
    ['silence.prompt', 'silence', { prompt: '' }],
    ['silence.times', 'silence', { times: 11 }],
    ['silence.times', 'silence', { times: -1 }],
    ['silence.farewell', 'silence', { farewell: 'x'.repeat(2_001) }],
    ['knowledgeBaseIds', 'knowledgeBaseIds', Array.from({ length: 11 }, () => ID)],
    ['knowledgeBaseIds[1]', 'knowledgeBaseIds', [ID, 'mine']],
    ['knowledgeBaseIds[0]', 'knowledgeBaseIds', [{}]],
  ])('are refused at %s: %s %j', (path, setting, value) => {
    expect(paths(setting, value)).toEqual([path]);
  });

  it('are told what they may have instead', () => {
    expect(problemsIn({ endpointing: { silence: 1 } })).toEqual([
      { path: 'endpointing.silence', problem: 'is not known; there are silenceMs, sensitivity' },
    ]);
  });
});
