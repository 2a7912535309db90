/** The text search configurations that PostgreSQL comes with since version 13, by ISO 639 language. */
const CONFIGURATIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ar: 'arabic',
    da: 'danish',
    de: 'german',
    el: 'greek',
    en: 'english',
    es: 'spanish',
    fi: 'finnish',
    fr: 'french',
    hu: 'hungarian',
    it: 'italian',
    nb: 'norwegian',
    nl: 'dutch',
    nn: 'norwegian',
    no: 'norwegian',
    pt: 'portuguese',
    ro: 'romanian',
    ru: 'russian',
    sv: 'swedish',
    tr: 'turkish',
  }),
);

/** What a BCP 47 tag is in its canonical form (`de-ch` is `de-CH`); undefined for what is none. */
export function canonicalLanguage(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag)[0];
  } catch {
    return undefined;
  }
}

/** The configuration that knows the words of a language; `simple`, which takes them as they are, where there is none. */
export const textSearchOf = (language: string): string =>
  CONFIGURATIONS.get(language.split('-')[0]?.toLowerCase() ?? '') ?? 'simple';
