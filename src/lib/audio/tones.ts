import { FRAME_MS, SAMPLE_RATE, SAMPLES_PER_MS } from './frames.js';

/** The frequency of ringing and congestion tones in most countries (ITU-T E.180). */
const NETWORK_HZ = 425;

const CONGESTION = { cadenceMs: 250, repetitions: 5, amplitude: 1_500 };
const RINGING = { toneFrames: 1_000 / FRAME_MS, periodFrames: 5_000 / FRAME_MS, amplitude: 4_000 };
/** 1,400 Hz is the usual beep of telephone recorders. */
const NOTICE = { hz: 1_400, ms: 400, fadeMs: 20, amplitude: 6_000 };

/** Congestion tone: 425 Hz, 250 ms on and 250 ms off, 2.5 s in total (ITU-T E.180/Q.35, section 5). */
export function congestionTone(): Int16Array {
  const { cadenceMs, repetitions, amplitude } = CONGESTION;
  const cadence = cadenceMs * SAMPLES_PER_MS;
  return Int16Array.from({ length: 2 * repetitions * cadence }, (_, i) => {
    const isOn = Math.floor(i / cadence) % 2 === 0;
    return isOn ? Math.round(amplitude * sine(NETWORK_HZ, i)) : 0;
  });
}

/** The tone that notifies of a recording, with a fade at both ends. */
export function noticeTone(): Int16Array {
  const samples = NOTICE.ms * SAMPLES_PER_MS;
  const fade = NOTICE.fadeMs * SAMPLES_PER_MS;
  return Int16Array.from({ length: samples }, (_, i) => {
    const gain = Math.min(1, i / fade, (samples - i) / fade);
    return Math.round(NOTICE.amplitude * gain * sine(NOTICE.hz, i));
  });
}

/** Ringing tone: 425 Hz, one second of every five, in frames of 20 ms. */
export class RingingTone {
  private frame = 0;

  /** Fills `out` with the next frame. @returns false in a pause, which leaves `out` as it is */
  take(out: Int16Array): boolean {
    const at = this.frame++ % RINGING.periodFrames;
    if (at >= RINGING.toneFrames) return false;
    for (let i = 0; i < out.length; i++) out[i] = RINGING.amplitude * sine(NETWORK_HZ, at * out.length + i);
    return true;
  }
}

function sine(hz: number, sample: number): number {
  return Math.sin((2 * Math.PI * hz * sample) / SAMPLE_RATE);
}
