const RATE = 8_000;
const SECONDS = 0.4;
const HZ = 1_400;
const AMPLITUDE = 6_000;

/** The tone that tells people that they are recorded: 1,400 Hz as recorders have long used, faded in and out. */
export function noticeTone(): Int16Array {
  const samples = RATE * SECONDS;
  const fade = RATE / 50;
  return Int16Array.from({ length: samples }, (_, i) => {
    const loudness = Math.min(1, i / fade, (samples - i) / fade);
    return Math.round(AMPLITUDE * loudness * Math.sin((2 * Math.PI * HZ * i) / RATE));
  });
}
