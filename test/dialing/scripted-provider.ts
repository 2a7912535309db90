import { type AudioPort } from '../../src/lib/audio/audio-port.js';
import {
  type CallLeg,
  type DialRequest,
  type FoundLeg,
  type LegEndReason,
  type LegSignal,
  type TelephonyProvider,
  type TransferResult,
} from '../../src/telephony/provider.js';

type WithoutTime<T> = T extends unknown ? Omit<T, 'at'> : never;

/** A leg on which happens what a test says. */
export class ScriptedLeg implements CallLeg {
  hangups = 0;
  /** Nobody reads it any more. */
  isLeft = false;
  onHangup: () => Promise<void> = () => Promise.resolve();
  private readonly told: LegSignal[] = [];
  private wake: () => void = () => undefined;

  say(signal: WithoutTime<LegSignal>, at = new Date()): this {
    this.told.push({ ...signal, at });
    this.wake();
    return this;
  }

  end(reason: LegEndReason | 'capacity', at?: Date): this {
    return this.say({ type: 'ended', reason, by: 'customer', sipCode: null, detail: null }, at);
  }

  readonly signals: AsyncIterable<LegSignal> = { [Symbol.asyncIterator]: () => this.iterator() };

  hangup(): Promise<void> {
    this.hangups++;
    return this.onHangup();
  }

  sendDtmf(): Promise<void> {
    return Promise.resolve();
  }

  audio: AudioPort | undefined = undefined;

  transfer(): Promise<TransferResult> {
    return Promise.resolve({ status: 'refused', detail: 'Nobody can be called' });
  }

  private iterator(): AsyncIterator<LegSignal> {
    return {
      next: async () => {
        while (this.told.length === 0) await new Promise<void>((resolve) => (this.wake = resolve));
        return { done: false, value: this.told.shift()! };
      },
      return: () => {
        this.isLeft = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

/** A carrier that does what a test says: by default it takes every call and knows of none. */
export class ScriptedProvider implements TelephonyProvider {
  readonly name = 'scripted';
  readonly dials: DialRequest[] = [];
  readonly finds: string[] = [];
  readonly leg = new ScriptedLeg();

  constructor(
    private readonly does: {
      dial?: (request: DialRequest) => Promise<CallLeg>;
      find?: (reference: string) => Promise<FoundLeg>;
    } = {},
  ) {}

  dial(request: DialRequest): Promise<CallLeg> {
    this.dials.push(request);
    return this.does.dial?.(request) ?? Promise.resolve(this.leg);
  }

  find(reference: string): Promise<FoundLeg> {
    this.finds.push(reference);
    return this.does.find?.(reference) ?? Promise.resolve({ status: 'unknown' });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
