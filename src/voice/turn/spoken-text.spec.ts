import fc from 'fast-check';
import { playedText, joined, wholeWords } from './spoken-text.js';

const chunk = (text: string, ms: number, complete = true) => ({ text, ms, complete });
const chunks = [chunk('Tuesday is free.', 1_000), chunk('Wednesday is free as well.', 2_000)];

describe('the played text', () => {
  it.each([
    [0, ['', '']],
    [1_000, ['Tuesday is free.', '']],
    [2_000, ['Tuesday is free.', 'Wednesday is']],
    [2_990, ['Tuesday is free.', 'Wednesday is free as well.']],
    [9_000, ['Tuesday is free.', 'Wednesday is free as well.']],
  ])('after %d ms ends with a whole word', (playedMs, played) => {
    expect(playedText(chunks, playedMs)).toEqual(played);
  });

  it('of incomplete speech is estimated by the length of a spoken character', () => {
    expect(playedText([chunk('Wednesday is free as well.', 800, false)], 800)).toEqual(['Wednesday is']);
  });

  it('is cut between words without spaces, too', () => {
    expect(wholeWords('今天星期二我们有时间', 0.5)).toBe('今天星期二');
  });

  it('is never more than was played, and grows with it', () => {
    const text = fc
      .array(fc.constantFrom('Hello', 'is', 'free,', '你好', "don't"), { minLength: 1 })
      .map((w) => w.join(' '));
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 0, max: 1_000 }), (whole, a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map((ms) => playedText([chunk(whole, 1_000)], ms)[0]!);
        expect(whole.startsWith(more!)).toBe(true);
        expect(more!.startsWith(less!)).toBe(true);
      }),
    );
  });
});

it('chunks are joined as they were written', () => {
  expect(joined(['Yes.', '', 'No.'])).toBe('Yes. No.');
  expect(joined(['你好。', '今天。'])).toBe('你好。今天。');
});
