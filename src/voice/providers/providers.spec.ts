import { ProviderError } from './ports.js';
import {
  createLanguageModel,
  createTextToSpeech,
  createSpeechToText,
  LANGUAGE_MODEL_KINDS,
  TEXT_TO_SPEECH_KINDS,
  REALTIME_MODEL_KINDS,
  SPEECH_TO_TEXT_KINDS,
} from './providers.js';

describe('providers', () => {
  it('are known by their kind', () => {
    expect(SPEECH_TO_TEXT_KINDS).toEqual(['openai', 'deepgram', 'scripted']);
    expect(LANGUAGE_MODEL_KINDS).toEqual(['openai', 'scripted']);
    expect(REALTIME_MODEL_KINDS).toEqual(['openai']);
    expect(TEXT_TO_SPEECH_KINDS).toEqual(['openai', 'deepgram', 'scripted']);
  });

  it('are made from plain settings', () => {
    const apiKey = 'key';
    for (const kind of SPEECH_TO_TEXT_KINDS) expect(createSpeechToText({ kind, apiKey }).name).toContain(kind);
    for (const kind of LANGUAGE_MODEL_KINDS) expect(createLanguageModel({ kind, apiKey }).name).toContain(kind);
    for (const kind of TEXT_TO_SPEECH_KINDS) expect(createTextToSpeech({ kind, apiKey }).name).toContain(kind);
    expect(createLanguageModel({ kind: 'openai', apiKey, model: 'm-1' }).name).toBe('openai/m-1');
    expect(createTextToSpeech({ kind: 'deepgram', apiKey, voice: 'v-1' }).name).toBe('deepgram/v-1');
  });

  it('need no key at an address of their own', () => {
    expect(createLanguageModel({ kind: 'openai', baseUrl: 'http://127.0.0.1:8000/v1' }).name).toContain('openai');
  });

  it.each([
    [{ kind: 'nobody' }, 'kind must be one of openai, scripted'],
    [{ kind: 'toString' }, 'kind must be one of openai, scripted'],
    [{ kind: 'openai' }, 'apiKey is missing'],
    [{ kind: 'openai', baseUrl: 'ftp://somewhere/v1' }, 'baseUrl'],
    [{ kind: 'openai', baseUrl: 'somewhere' }, 'baseUrl'],
    [{ kind: 'openai', baseUrl: 'http://user:secret@somewhere/v1' }, 'baseUrl'],
    [{ kind: 'openai', baseUrl: 'http://somewhere/v1?x=1' }, 'baseUrl'],
    [{ kind: 'openai', baseUrl: 'http://somewhere/v1#x' }, 'baseUrl'],
    [{ kind: 'openai', apiKey: 'secret\r\nx: y' }, 'apiKey'],
    [{ kind: 'openai', apiKey: '' }, 'apiKey'],
    [{ kind: 'openai', apiKey: 'secret', model: '' }, 'model'],
    [{ kind: 'openai', apiKey: 'secret', model: 'a\nb' }, 'model'],
    [{ kind: 'openai', apiKey: 'secret', voice: 'v'.repeat(201) }, 'voice'],
    [{ kind: 'openai', apiKey: 'secret', key: 'x' }, 'no setting “key”'],
  ])('refuse %j and say why', (settings, why) => {
    expect(() => createLanguageModel(settings)).toThrow(ProviderError);
    expect(() => createLanguageModel(settings)).toThrow(why);
    expect(() => createLanguageModel(settings)).not.toThrow(/secret/);
  });
});
