import { SAMPLE_RATE } from './sample-rate.js';

const HERTZ = 425;
const CADENCE_MS = 250;
const TIMES = 5;
/** As loud as somebody who speaks. */
const AMPLITUDE = 1_500;
const SAMPLES_PER_MS = SAMPLE_RATE / 1_000;

/**
 * What exchanges play when a call cannot go on: 425 Hz, 250 ms on and 250 ms off (ITU-T E.180/Q.35, section 5). For when
 * nobody is there who could say so. PCM16 at 8 kHz.
 */
export function congestionTone(): Int16Array {
  return Int16Array.from({ length: 2 * TIMES * CADENCE_MS * SAMPLES_PER_MS }, (_, i) => {
    const isOn = Math.floor(i / (CADENCE_MS * SAMPLES_PER_MS)) % 2 === 0;
    return isOn ? Math.round(AMPLITUDE * Math.sin((2 * Math.PI * HERTZ * i) / SAMPLE_RATE)) : 0;
  });
}
