import { type CallLeg, type LegSignal } from './provider.js';

/** A leg that has ended, with all its signals. */
export const endedLeg = (signals: readonly LegSignal[]): CallLeg => ({
  signals: (async function* () {
    await Promise.resolve();
    yield* signals;
  })(),
  hangup: () => Promise.resolve(),
  sendDtmf: () => Promise.resolve(),
  audio: undefined,
  transfer: () => Promise.resolve({ status: 'refused', detail: 'The call is over' }),
});
