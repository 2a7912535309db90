import { find, joined, silence, speech } from './audio.js';

const SOUND = speech(1.5, 1);
const [BEGINNING, END] = [SOUND.subarray(0, 5_000), SOUND.subarray(5_000)];

describe('finding a sound in a recording', () => {
  it('finds what is there', () => {
    expect(find(SOUND, joined(silence(0.7), SOUND, silence(1)))).toEqual({ at: 5_600, correlation: 1, slips: 0 });
    const { at, correlation } = find(
      SOUND,
      joined(silence(0.7), SOUND, silence(1)).map((sample) => sample >> 1),
    );
    expect([at, Math.round(correlation * 1_000)]).toEqual([5_600, 1_000]);
  });

  it('follows it where it was held up, and says so', () => {
    const found = find(SOUND, joined(silence(0.7), BEGINNING, silence(0.04), END, silence(1)));
    expect(found).toMatchObject({ at: 5_600, slips: 1 });
    expect(found.correlation).toBeGreaterThan(0.999);
  });

  it.each([
    ['another sound', joined(silence(1), speech(1.5, 2), silence(1))],
    ['silence', silence(3)],
    ['its beginning only', joined(silence(1), BEGINNING, silence(1))],
    ['all but 60 ms of it', joined(silence(1), BEGINNING, END.subarray(480), silence(1))],
    ['its halves the wrong way round', joined(silence(1), END, BEGINNING, silence(1))],
    ['a noisy one', joined(silence(1), SOUND, silence(1)).map((sample, i) => sample + 3_000 * Math.sin(i * i))],
  ])('does not take %s for it', (_what, recording) => {
    expect(find(SOUND, recording).correlation).toBeLessThan(0.99);
  });
});
