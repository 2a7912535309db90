import { FRAME_SAMPLES } from './frames.js';
import { RingingTone } from './tones.js';
import { energy } from './noise-floor.js';
import { ToneBank } from './tone-bank.js';

describe('RingingTone', () => {
  it('is 425 Hz for a second of every five', () => {
    const ringing = new RingingTone();
    const bank = new ToneBank([425], FRAME_SAMPLES);
    const shares = Array.from({ length: 500 }, () => {
      const frame = new Int16Array(FRAME_SAMPLES);
      return ringing.take(frame) ? bank.energies(frame)[0]! / energy(frame) : 0;
    });
    const isTone = (frame: number): boolean => frame % 250 < 50;
    expect(shares.every((share, frame) => (isTone(frame) ? share > 0.9 : share === 0))).toBe(true);
  });
});
