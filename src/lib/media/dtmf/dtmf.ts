/** Telephone events (RFC 4733), both ways. One tick is a frame of 20 ms. */
import { FRAME_SAMPLES, SAMPLE_RATE } from '../../audio/index.js';

const EVENTS = '0123456789*#ABCD';
const TONE_TICKS = 6;
/** The last packet of an event is sent three times in all (RFC 4733 section 2.5.1.4). */
const END_REPEATS = 2;
const GAP_TICKS = 3;
const PAUSE_TICKS = 25;
const VOLUME = 10;
const LOW_TONES = [941, 697, 697, 697, 770, 770, 770, 852, 852, 852, 941, 941, 697, 770, 852, 941];
const HIGH_TONES = [1336, 1209, 1336, 1477, 1209, 1336, 1477, 1209, 1336, 1477, 1209, 1477, 1633, 1633, 1633, 1633];
const TONE_AMPLITUDE = 6_000;

/** What the sender does in one tick for the digit it is at. */
export type DtmfStep =
  | { type: 'tone'; event: number; tick: number; durationSamples: number; first: boolean; end: boolean }
  /** `tone` is over; its last packet once more. */
  | { type: 'end-again'; event: number; durationSamples: number }
  | { type: 'gap' };

/** Refuses whatever cannot be dialled, with a RangeError. `,` and `w` are pauses of half a second. */
export function checkDigits(digits: string): void {
  if (!/^[0-9*#A-D,w]*$/i.test(digits)) throw new RangeError('DTMF digits are 0-9, *, #, A-D, and "," or "w" to pause');
}

/** Turns digits into what to do tick by tick. */
export class DtmfSender {
  private readonly steps: (DtmfStep | (() => void))[] = [];

  /** `done` is called once all of it has been sent. */
  enqueue(digits: string, done: () => void): void {
    checkDigits(digits);
    for (const digit of digits.toUpperCase()) {
      if (digit === ',' || digit === 'W') this.gap(PAUSE_TICKS);
      else this.tone(EVENTS.indexOf(digit));
    }
    this.steps.push(done);
    this.settle();
  }

  /** How many digits are still to be sent, about. */
  get waiting(): number {
    return Math.ceil(this.steps.length / (TONE_TICKS + END_REPEATS + GAP_TICKS));
  }

  /** Undefined when there is nothing to send. */
  next(): DtmfStep | undefined {
    const step = this.steps.shift();
    this.settle();
    return typeof step === 'function' ? undefined : step;
  }

  /** Drops what is left. */
  clear(): void {
    for (const step of this.steps.splice(0)) if (typeof step === 'function') step();
  }

  private settle(): void {
    for (let step = this.steps[0]; typeof step === 'function'; step = this.steps[0]) {
      this.steps.shift();
      step();
    }
  }

  private gap(ticks: number): void {
    for (let tick = 0; tick < ticks; tick++) this.steps.push({ type: 'gap' });
  }

  private tone(event: number): void {
    for (let tick = 0; tick < TONE_TICKS; tick++)
      this.steps.push({
        type: 'tone',
        event,
        tick,
        durationSamples: (tick + 1) * FRAME_SAMPLES,
        first: tick === 0,
        end: tick === TONE_TICKS - 1,
      });
    for (let repeat = 0; repeat < END_REPEATS; repeat++)
      this.steps.push({ type: 'end-again', event, durationSamples: TONE_TICKS * FRAME_SAMPLES });
    this.gap(GAP_TICKS);
  }
}

/** The four bytes of an event (RFC 4733 section 2.3). */
export function writeTelephoneEvent(
  packet: Buffer,
  offset: number,
  event: { event: number; durationSamples: number; end: boolean },
): void {
  packet[offset] = event.event;
  packet[offset + 1] = (event.end ? 0x80 : 0) | VOLUME;
  packet.writeUInt16BE(event.durationSamples, offset + 2);
}

/** The tone itself, for far ends that take no telephone events: 20 ms of it into `out`. */
export function writeTone(out: Int16Array, event: number, tick: number): void {
  const low = (2 * Math.PI * (LOW_TONES[event] ?? 0)) / SAMPLE_RATE;
  const high = (2 * Math.PI * (HIGH_TONES[event] ?? 0)) / SAMPLE_RATE;
  for (let i = 0; i < out.length; i++) {
    const at = tick * FRAME_SAMPLES + i;
    out[i] = TONE_AMPLITUDE * (Math.sin(low * at) + Math.sin(high * at));
  }
}

/**
 * Reports each event once, when its first packet arrives: then neither a lost end nor its repetitions matter. An event of
 * more than 8 s comes in segments with timestamps of their own (section 2.5.1.3), and is still one.
 */
export class DtmfReceiver {
  private current: { event: number; timestamp: number; duration: number; ended: boolean } | undefined;

  /** The digit that has begun; undefined for repetitions and what is none. */
  packet(packet: { payload: Buffer; timestamp: number; marker: boolean }): string | undefined {
    const { payload, timestamp, marker } = packet;
    if (payload.length < 4) return undefined;
    const event = payload.readUInt8(0);
    const digit = EVENTS[event];
    if (digit === undefined) return undefined;
    const ended = (payload.readUInt8(1) & 0x80) !== 0;
    const duration = payload.readUInt16BE(2);
    const { current } = this;
    if (current) {
      const ahead = (timestamp - current.timestamp) | 0;
      if (ahead === 0) {
        current.duration = Math.max(current.duration, duration);
        current.ended ||= ended;
        return undefined;
      }
      // Late packets of an older event. A distance of several seconds is a new RTP clock.
      if (ahead < 0 && ahead > -5 * SAMPLE_RATE) return undefined;
      const continues =
        !marker && !current.ended && event === current.event && ahead <= current.duration + FRAME_SAMPLES;
      this.current = { event, timestamp, duration, ended };
      return continues ? undefined : digit;
    }
    this.current = { event, timestamp, duration, ended };
    return digit;
  }

  /** The source changed, and its timestamps with it. */
  restart(): void {
    this.current = undefined;
  }
}
