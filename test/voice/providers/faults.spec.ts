import { jest } from '@jest/globals';
import { type ProviderFault } from '../../../src/voice/providers/ports.js';
import { type Fault, SECRET } from '../../fakes/faults.js';
import { FakeVendors, refusingUrl } from '../../fakes/fake-vendors.js';
import { eventually } from '../../support/process.js';
import { ASKS, failureOf, neverAborted, STAGES } from './asks.js';

const KEY = 'sk-our-own-key';
const SHORT = { firstMs: 30, nextMs: 30 };
const LONG = { firstMs: 60_000, nextMs: 60_000 };

const FAULTS: readonly (Fault & { means: ProviderFault })[] = [
  { kind: 'status', status: 400, means: 'refused' },
  { kind: 'status', status: 401, means: 'denied' },
  { kind: 'status', status: 403, means: 'denied' },
  { kind: 'status', status: 404, means: 'refused' },
  { kind: 'status', status: 302, means: 'refused' },
  { kind: 'status', status: 429, retryAfter: '7', means: 'rate_limited' },
  { kind: 'status', status: 429, means: 'rate_limited' },
  { kind: 'status', status: 500, means: 'unavailable' },
  { kind: 'status', status: 503, retryAfter: '7', means: 'unavailable' },
  { kind: 'stall', means: 'timeout' },
  { kind: 'stall_midway', means: 'timeout' },
  { kind: 'half', means: 'unavailable' },
  { kind: 'garbage', means: 'unavailable' },
  { kind: 'closed', means: 'unavailable' },
  { kind: 'closed_midway', means: 'unavailable' },
];

describe.each(STAGES)('%s', (stage) => {
  let vendors: FakeVendors;

  beforeAll(async () => {
    vendors = await FakeVendors.start();
  });

  afterAll(() => vendors.close());

  const ask = (fault: Fault, timeouts = LONG) => {
    vendors.faults.add(stage, fault);
    return ASKS[stage]({ baseUrl: vendors.url, apiKey: KEY, timeouts });
  };

  it.each(FAULTS)('%j', async ({ means, ...fault }) => {
    const failure = await failureOf(ask(fault, means === 'timeout' ? SHORT : LONG));
    expect(failure.fault).toBe(means);
    expect(failure.retryAfterMs).toBe(fault.kind === 'status' && fault.retryAfter ? 7_000 : undefined);
    expect(failure.message).not.toContain(SECRET);
    expect(failure.message).not.toContain(KEY);
    expect(failure.message).not.toMatch(/127\.0\.0\.1|oops/);
  });

  it('fails when the connection is refused', async () => {
    const failure = await failureOf(ASKS[stage]({ baseUrl: await refusingUrl(), apiKey: KEY }));
    expect(failure.fault).toBe('unavailable');
    expect(failure.message).toContain('ECONNREFUSED');
  });

  it('waits for a delayed answer', async () => {
    await expect(ask({ kind: 'delay', ms: 1 })).resolves.toBeDefined();
  });

  it('succeeds with the next request', async () => {
    await failureOf(ask({ kind: 'status', status: 500 }));
    await expect(ASKS[stage]({ baseUrl: vendors.url })).resolves.toBeDefined();
  });

  it('fails at a faulty base address', async () => {
    expect((await failureOf(ASKS[stage]({ baseUrl: vendors.faulty('401') }))).fault).toBe('denied');
    expect((await failureOf(ASKS[stage]({ baseUrl: vendors.faulty('429') }))).retryAfterMs).toBe(2_000);
  });
});

describe.each(STAGES)('aborting %s leaves no socket open', (stage) => {
  let vendors: FakeVendors;

  beforeEach(async () => {
    vendors = await FakeVendors.start();
  });

  afterEach(() => vendors.close());

  it('before it begins', async () => {
    const signal = AbortSignal.abort(new Error('given up'));
    await expect(ASKS[stage]({ baseUrl: vendors.url, signal })).rejects.toBe(signal.reason);
    expect(vendors.requests).toEqual([]);
    expect(vendors.sockets.size).toBe(0);
  });

  it.each(['stall', 'stall_midway'] as const)('while it hangs: %s', async (kind) => {
    vendors.faults.always(stage, { kind });
    const controller = new AbortController();
    const asked = ASKS[stage]({ baseUrl: vendors.url, signal: controller.signal, timeouts: LONG });
    asked.catch(() => undefined);
    await vendors.until(({ requests, begun }) => requests.length === 1 && (kind === 'stall' || begun === 1));
    expect(vendors.sockets.size).toBe(1);
    controller.abort(new Error('given up'));
    await expect(asked).rejects.toBe(controller.signal.reason);
    await vendors.until(({ sockets }) => sockets.size === 0);
  });

  it('when it takes too long', async () => {
    vendors.faults.always(stage, { kind: 'stall_midway' });
    await failureOf(ASKS[stage]({ baseUrl: vendors.url, timeouts: SHORT }));
    await vendors.until(({ sockets }) => sockets.size === 0);
  });

  it('in the moment of the request', async () => {
    const controller = new AbortController();
    const asked = ASKS[stage]({ baseUrl: vendors.url, signal: controller.signal, timeouts: LONG });
    controller.abort(new Error('given up'));
    await expect(asked).rejects.toBe(controller.signal.reason);
    await vendors.until(({ sockets }) => sockets.size === 0);
  });

  it('and no listener on the signal', async () => {
    const signal = neverAborted();
    const added = jest.spyOn(signal, 'addEventListener');
    const removed = jest.spyOn(signal, 'removeEventListener');
    await ASKS[stage]({ baseUrl: vendors.url, signal });
    // Chat removes its listener after the end of the answer, which the caller does not wait for.
    await eventually('no listener', () =>
      Promise.resolve(removed.mock.calls.length === added.mock.calls.length || undefined),
    );
    expect(added).toHaveBeenCalled();
  });
});
