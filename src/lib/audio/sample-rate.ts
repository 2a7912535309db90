/** Of telephone audio: samples a second. */
export const SAMPLE_RATE = 8_000;
