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

/** A leg with the signals of a test. */
export class ScriptedLeg implements CallLeg {
  hangups = 0;
  /** Whether its reader has detached. */
  isDetached = false;
  onHangup: () => Promise<void> = () => Promise.resolve();
  private readonly pending: LegSignal[] = [];
  private wake: () => void = () => undefined;

  signal(signal: WithoutTime<LegSignal>, at = new Date()): this {
    this.pending.push({ ...signal, at });
    this.wake();
    return this;
  }

  end(reason: LegEndReason | 'capacity', at?: Date): this {
    return this.signal({ type: 'ended', reason, by: 'customer', sipCode: null, detail: null }, at);
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
        while (this.pending.length === 0) await new Promise<void>((resolve) => (this.wake = resolve));
        return { done: false, value: this.pending.shift()! };
      },
      return: () => {
        this.isDetached = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

/** A provider with the behaviour of a test; by default it accepts every call, and every look-up is `unknown`. */
export class ScriptedProvider implements TelephonyProvider {
  readonly name = 'scripted';
  readonly dials: DialRequest[] = [];
  readonly finds: string[] = [];
  readonly leg = new ScriptedLeg();

  constructor(
    private readonly behaviour: {
      dial?: (request: DialRequest) => Promise<CallLeg>;
      find?: (attemptId: string) => Promise<FoundLeg>;
    } = {},
  ) {}

  dial(request: DialRequest): Promise<CallLeg> {
    this.dials.push(request);
    return this.behaviour.dial?.(request) ?? Promise.resolve(this.leg);
  }

  find(attemptId: string): Promise<FoundLeg> {
    this.finds.push(attemptId);
    return this.behaviour.find?.(attemptId) ?? Promise.resolve({ status: 'unknown' });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
