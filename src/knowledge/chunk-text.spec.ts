import fc from 'fast-check';
import { type Chunk, chunkText, type Section } from './chunk-text.js';

const cut = (sections: Section[], markdown: boolean): Chunk[] =>
  [...chunkText(sections, markdown)].filter((chunk) => chunk !== undefined);
const markdown = (text: string): Chunk[] => cut([{ page: null, text }], true);
const plain = (text: string): Chunk[] => cut([{ page: null, text }], false);
const texts = (chunks: readonly Chunk[]): string[] => chunks.map(({ text }) => text);
const words = (count: number, word = 'word'): string => Array.from({ length: count }, () => word).join(' ');
/** A sentence of so many characters. */
const sentence = (length: number): string => `${words(Math.ceil(length / 5)).slice(0, length - 2)}x.`;

describe('chunkText', () => {
  it('finds nothing in nothing', () => {
    for (const text of ['', ' \n\n\t', '\u0000\u200b\ufeff']) expect([plain(text), markdown(text)]).toEqual([[], []]);
  });

  it('joins short paragraphs, in their order', () => {
    expect(plain('One.\n\nTwo.\nStill two.\n\n\n\nThree.')).toEqual([
      { heading: null, page: null, text: 'One.\n\nTwo.\nStill two.\n\nThree.' },
    ]);
  });

  it('begins another piece where one would be longer than usual', () => {
    const paragraphs = [sentence(500), sentence(290), sentence(300)];
    expect(texts(plain(paragraphs.join('\n\n')))).toEqual([paragraphs.slice(0, 2).join('\n\n'), paragraphs[2]]);
  });

  it('leaves no short paragraph alone while there is room', () => {
    const paragraphs = ['Short.', sentence(900)];
    expect(texts(plain(paragraphs.join('\n\n')))).toEqual([paragraphs.join('\n\n')]);
    expect(texts(plain([sentence(1_195), 'Short.'].join('\n\n')))).toEqual([sentence(1_195), 'Short.']);
  });

  it('keeps a paragraph of 1,200 characters whole, and cuts a longer one at the end of a sentence', () => {
    expect(texts(plain(sentence(1_200)))).toEqual([sentence(1_200)]);
    const sentences = [sentence(500), sentence(200), sentence(600)];
    expect(texts(plain(sentences.join(' ')))).toEqual([sentences.slice(0, 2).join(' '), sentences[2]]);
  });

  it('cuts at the end of a line before that of a sentence, and at a word where there are neither', () => {
    const lines = [`${sentence(400)} ${words(60)}`, words(150)];
    expect(texts(plain(lines.join('\n')))).toEqual([lines[0], lines[1]]);
    const [first = '', second] = texts(plain(words(300)));
    expect([first, second]).toEqual([words(160), words(140)]);
  });

  it('cuts what has no spaces, but no character', () => {
    for (const text of ['x'.repeat(2_000), '😀'.repeat(1_000), `x${'😀'.repeat(1_000)}`]) {
      const pieces = texts(plain(text));
      expect(pieces.join('')).toBe(text);
      expect(pieces.every((piece) => piece.length <= 1_200 && !/\p{Cs}/u.test(piece))).toBe(true);
    }
  });

  it('drops what nobody reads', () => {
    const text = '\ufeffOpen\u00a0 \t ing\u00ad hours\u0000\u0007\r\nTen\u200b to\u202e four \r\rSunday\u2028Monday';
    expect(texts(plain(text))).toEqual(['Open ing hours\nTen to four\n\nSunday\nMonday']);
  });

  it('keeps the headings that a piece stands under', () => {
    const text =
      'Before.\n# **Hours** #\nAll.\n## Sunday\nTen.\n### Easter\nTwelve.\n## Monday\nNine.\n# Prices\nFive.';
    expect(markdown(text).map(({ heading, text }) => [heading, text])).toEqual([
      [null, 'Before.'],
      ['Hours', 'All.'],
      ['Hours > Sunday', 'Ten.'],
      ['Hours > Sunday > Easter', 'Twelve.'],
      ['Hours > Monday', 'Nine.'],
      ['Prices', 'Five.'],
    ]);
  });

  it('knows headings that are underlined, and lines that are none', () => {
    const text = 'Hours\n=====\nAll.\n\nSunday\n------\nTen.\n\nOne\ntwo\n---\n#hashtag\n\n---\n\nEnd.';
    expect(markdown(text).map(({ heading, text }) => [heading, text])).toEqual([
      ['Hours', 'All.'],
      ['Hours > Sunday', 'Ten.\n\nOne\ntwo\n---\n#hashtag\n\n---\n\nEnd.'],
    ]);
  });

  it('takes a comment in a code block for no heading', () => {
    const text = '# Setup\n```sh\n# install\n~~~\nmake\n```\n```inline``` code\n## Next\nDone.';
    expect(markdown(text).map(({ heading }) => heading)).toEqual(['Setup', 'Setup > Next']);
  });

  it('keeps a heading below which there is nothing', () => {
    expect(markdown('# News\n## Closed on Sunday\n## Open on Monday\n# End')).toEqual([
      { heading: 'News > Closed on Sunday', page: null, text: 'Closed on Sunday' },
      { heading: 'News > Open on Monday', page: null, text: 'Open on Monday' },
      { heading: 'End', page: null, text: 'End' },
    ]);
  });

  it('knows no headings in plain text', () => {
    expect(plain('# Hours\nTen.')).toEqual([{ heading: null, page: null, text: '# Hours\nTen.' }]);
  });

  it('keeps the page, and no piece reaches over its end', () => {
    const pages = ['One.', '', 'Three.'].map((text, i) => ({ page: i + 1, text }));
    expect(cut(pages, false)).toEqual([
      { heading: null, page: 1, text: 'One.' },
      { heading: null, page: 3, text: 'Three.' },
    ]);
  });

  it('lets others have their turn on the way to a piece that is far away, or never comes', () => {
    for (const line of ['\n', ' \n', 'x\n', `${'x'.repeat(50_000)} `]) {
      const [first] = chunkText([{ page: null, text: line.repeat(Math.ceil(1_000_000 / line.length)) }], true);
      expect(first).toBeUndefined();
    }
  });

  it('loses no word, cuts none, and is never longer than 1,200 characters, whatever comes in', () => {
    const word = fc.stringMatching(/^[a-z]{1,30}$/);
    const gap = fc.constantFrom(' ', '  ', '\n', '\n\n', '. ', '\r\n', '\t');
    fc.assert(
      fc.property(fc.array(fc.tuple(word, gap), { maxLength: 600, size: 'max' }), (parts) => {
        const text = parts.flat().join('');
        const chunks = plain(text);
        expect(texts(chunks).join(' ').split(/\s+/)).toEqual(text.trim().split(/\s+/));
        for (const chunk of chunks) expect(chunk.text.length).toBeLessThanOrEqual(1_200);
      }),
      { numRuns: 50 },
    );
  });

  it('has an answer to anything, without throwing', () => {
    const marks = fc.constantFrom(
      '#',
      '##',
      ' ',
      '\n',
      '```',
      '~~~',
      '=',
      '---',
      '**',
      '_',
      'x',
      '\u0000',
      '\ud800',
      '😀',
    );
    fc.assert(
      fc.property(fc.array(marks, { maxLength: 3_000, size: 'max' }), (parts) => {
        for (const { text, heading } of markdown(parts.join(''))) {
          expect(text.trim()).toBe(text);
          expect(text.length).toBeGreaterThan(0);
          expect(`${text}${heading ?? ''}`).not.toMatch(/[\p{Cs}\u0000]/u);
          expect(text.length).toBeLessThanOrEqual(1_200);
        }
      }),
      { numRuns: 50 },
    );
  });
});
