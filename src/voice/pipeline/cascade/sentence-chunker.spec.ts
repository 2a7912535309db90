import fc from 'fast-check';
import { SentenceChunker } from './sentence-chunker.js';

/** The chunks of a text that arrives letter by letter. */
const chunksOf = (text: string, options = {}): string[] => {
  const chunker = new SentenceChunker(options);
  return [...[...text].flatMap((letter) => chunker.push(letter)), ...chunker.flush()];
};

describe('text is cut', () => {
  it.each([
    [
      'at sentences',
      'How are you today? I am fine, thanks. Wonderful!',
      ['How are you today?', 'I am fine, thanks.', 'Wonderful!'],
    ],
    [
      'not after titles',
      'I have met Dr. Smith. He says hello to you.',
      ['I have met Dr. Smith.', 'He says hello to you.'],
    ],
    ['not after initials', 'It was written by J. Smith in time.', ['It was written by J. Smith in time.']],
    [
      'not inside of abbreviations',
      'Bring papers, e.g. Passports. They are needed.',
      ['Bring papers, e.g. Passports.', 'They are needed.'],
    ],
    [
      'not before a small letter',
      'We need approx. five days for that. Is it fine?',
      ['We need approx. five days for that.', 'Is it fine?'],
    ],
    [
      'not inside of decimals',
      'It costs 3.50 dollars a month. It rises to 4.20 later.',
      ['It costs 3.50 dollars a month.', 'It rises to 4.20 later.'],
    ],
    [
      'after numbers',
      'Your room number is 214. Breakfast is at seven.',
      ['Your room number is 214.', 'Breakfast is at seven.'],
    ],
    [
      'not after the number of a list',
      '1. Open the door widely.\n2. Go inside of it.',
      ['1. Open the door widely.', '2. Go inside of it.'],
    ],
    ['after closing quotes', 'He said "I will come." Then he left us.', ['He said "I will come."', 'Then he left us.']],
    [
      'not inside of addresses',
      'Write to anna@example.com today. Thank you for it.',
      ['Write to anna@example.com today.', 'Thank you for it.'],
    ],
    [
      'after several marks',
      'Are you really sure?! I am not so sure...',
      ['Are you really sure?!', 'I am not so sure...'],
    ],
    ['short ones together', 'Yes. No. Maybe we should ask.', ['Yes. No. Maybe we should ask.']],
    [
      'at lines',
      'The first line is long\nThe second line as well',
      ['The first line is long', 'The second line as well'],
    ],
    ['in Chinese', '你好，我是安娜。今天星期二。', ['你好，我是安娜。', '今天星期二。']],
    ['in Japanese, quotes included', '「はい、そうです。」と言いました。', ['「はい、そうです。」', 'と言いました。']],
    ['in Hindi', 'मैं ठीक हूँ धन्यवाद। आप कैसे हैं आज?', ['मैं ठीक हूँ धन्यवाद।', 'आप कैसे हैं आज?']],
    ['in Arabic', 'كيف حالك اليوم؟ أنا بخير شكرا.', ['كيف حالك اليوم؟', 'أنا بخير شكرا.']],
    ['never, when there is none', '   ', []],
  ])('%s', (_, text, chunks) => {
    expect(chunksOf(text)).toEqual(chunks);
    // The chunks do not depend on how the text is cut.
    const chunker = new SentenceChunker();
    expect([...chunker.push(text), ...chunker.flush()]).toEqual(chunks);
  });

  it('as soon as a sentence has certainly ended', () => {
    const chunker = new SentenceChunker();
    expect(chunker.push('That costs 3.')).toEqual([]);
    expect(chunker.push('50 dollars.')).toEqual([]);
    expect(chunker.push(' ')).toEqual([]);
    expect(chunker.push('Do')).toEqual(['That costs 3.50 dollars.']);
  });

  it('after a comma when it is very long', () => {
    const text = `${'word '.repeat(7)}word, ${'more '.repeat(10)}end`;
    expect(chunksOf(text, { maxLength: 50 })[0]).toBe(`${'word '.repeat(7)}word,`);
  });

  it('between words when it is very long without a mark', () => {
    const chunks = chunksOf('word '.repeat(100), { maxLength: 52 });
    expect(chunks[0]).toBe('word '.repeat(10).trim());
    expect(chunks.join(' ')).toBe('word '.repeat(100).trim());
  });

  it('inside a very long word, but not inside a character', () => {
    expect(chunksOf(`a${'😀'.repeat(20)}`, { maxLength: 10 })[0]).toBe('a😀😀😀😀');
  });
});

it('nothing is lost or added, and no chunk is much too long', () => {
  const piece = fc.constantFrom('Hello', ' ', '. ', '? ', '3.5', 'Dr. ', '。', '你好', '"', '\n', ', ', 'x'.repeat(30));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const chunker = new SentenceChunker({ maxLength: 80 });
      const chunks = [...pieces.flatMap((text) => chunker.push(text)), ...chunker.flush()];
      expect(chunks.join('').replaceAll(/\s/g, '')).toBe(pieces.join('').replaceAll(/\s/g, ''));
      for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(80);
    }),
  );
});
