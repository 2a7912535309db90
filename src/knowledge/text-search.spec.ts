import { canonicalLanguage, textSearchOf } from './text-search.js';

describe('textSearchOf', () => {
  it.each([
    ['en', 'english'],
    ['de-CH', 'german'],
    ['pt-BR', 'portuguese'],
    ['nb', 'norwegian'],
    ['ja', 'simple'],
    ['x-constructor', 'simple'],
    ['constructor', 'simple'],
  ])('%s is searched as %s', (language, configuration) => {
    expect(textSearchOf(language)).toBe(configuration);
  });
});

describe('canonicalLanguage', () => {
  it.each([
    ['EN', 'en'],
    ['de-ch', 'de-CH'],
    ['zh-hant-tw', 'zh-Hant-TW'],
  ])('%s is written %s', (tag, canonical) => {
    expect(canonicalLanguage(tag)).toBe(canonical);
  });

  it.each(['', 'english language', 'e', 'de_CH', "'; drop table"])('%j is no tag', (tag) => {
    expect(canonicalLanguage(tag)).toBeUndefined();
  });
});
