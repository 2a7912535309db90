import { VirtualClock } from '../../../test/voice/support/virtual-clock.js';
import { ProviderError, type ProviderFault } from '../providers/ports.js';
import { Cancelled, CancellationScope } from '../cancellation-scope.js';
import { ProviderChain, StageFailed } from './provider-chain.js';

let clock: VirtualClock;
let scope: CancellationScope;
/** The providers that were asked, and when. */
let asked: string[];
let faultEvents: string[];
const primary = { name: 'first' };
const fallback = { name: 'second' };

beforeEach(() => {
  clock = new VirtualClock();
  scope = new CancellationScope(clock);
  asked = [];
  faultEvents = [];
});

const stageOf = (providers: { primary: { name: string }; fallback?: { name: string } }) =>
  new ProviderChain('model', providers, (event) => {
    if (event.type === 'fault')
      faultEvents.push(`${event.fault.provider} ${event.fault.fault} ${event.fault.then.action}`);
  });

/** Answers with the name of the provider, unless it fails in this way. */
const ask = async (stage: ReturnType<typeof stageOf>, faults: Record<string, Error | undefined> = {}) => {
  const answer = stage.run(scope, ({ name }) => {
    asked.push(`${name} ${clock.now()}`);
    const fault = faults[name];
    return fault ? Promise.reject(fault) : Promise.resolve(name);
  });
  answer.catch(() => undefined);
  await clock.advance(5_000);
  return answer;
};
const fault = (kind: ProviderFault, retryAfterMs?: number) => new ProviderError(kind, kind, retryAfterMs);

describe('a provider chain', () => {
  it('retries once, then asks the fallback, and asks that one first from then on', async () => {
    const stage = stageOf({ primary, fallback });
    expect(await ask(stage, { first: fault('unavailable') })).toBe('second');
    expect(await ask(stage)).toBe('second');
    expect(asked).toEqual(['first 0', 'first 0', 'second 0', 'second 5000']);
    expect(faultEvents).toEqual(['first unavailable retry', 'first unavailable fallback']);
  });

  it('returns to the primary provider when the fallback fails later', async () => {
    const stage = stageOf({ primary, fallback });
    await ask(stage, { first: fault('denied') });
    expect(await ask(stage, { second: fault('denied') })).toBe('first');
    expect(stage.current).toBe(primary);
  });

  it('waits as long as the provider asks, up to a limit', async () => {
    await ask(stageOf({ primary, fallback }), { first: fault('rate_limited', 1_500) });
    await ask(stageOf({ primary, fallback }), { first: fault('rate_limited', 30_000) });
    expect(asked).toEqual(['first 0', 'first 1500', 'second 1500', 'first 5000', 'second 5000']);
  });

  it('fails with the name of the last provider when all have failed', async () => {
    const faults = { first: fault('denied'), second: new TypeError('oops') };
    await expect(ask(stageOf({ primary, fallback }), faults)).rejects.toEqual(
      new StageFailed('model', 'model: oops (second)'),
    );
    expect(faultEvents).toEqual(['first denied fallback', 'second unavailable retry', 'second unavailable give_up']);
  });

  it('is cancelled while it waits', async () => {
    const answer = stageOf({ primary }).run(scope, () => Promise.reject(fault('rate_limited')));
    const closed = expect(answer).rejects.toBeInstanceOf(Cancelled);
    await clock.advance(100);
    scope.close();
    await closed;
    expect({ waiting: clock.waiting, faultEvents }).toEqual({ waiting: 0, faultEvents: ['first rate_limited retry'] });
  });
});
