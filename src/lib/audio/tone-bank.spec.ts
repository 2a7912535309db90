import { energy } from './noise-floor.js';
import { ToneBank } from './tone-bank.js';

const tone = (hz: number, phase = 0, length = 160): Int16Array =>
  Int16Array.from({ length }, (_, i) => 8_000 * Math.sin((2 * Math.PI * hz * i) / 8_000 + phase));

describe('a bank of tones', () => {
  it.each([0, 0.7, 1.6, 3])('finds all energy of a tone in its frequency, at a phase of %d', (phase) => {
    const sound = tone(1_000, phase);
    const shares = [...new ToneBank([950, 1_000, 1_050], 160).energies(sound)].map((found) => found / energy(sound));
    expect(shares[0]).toBeCloseTo(0, 3);
    expect(shares[1]).toBeCloseTo(1, 3);
    expect(shares[2]).toBeCloseTo(0, 3);
  });

  it('tells 440 from 480 Hz in 100 ms', () => {
    const sound = tone(440, 1, 800);
    const [at440 = 0, at480 = 0] = new ToneBank([440, 480], 800).energies(sound);
    expect(at440 / energy(sound)).toBeCloseTo(1, 2);
    expect(at480 / energy(sound)).toBeLessThan(0.01);
  });
});
