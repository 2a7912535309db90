import { type TelephonyProvider } from '../../src/telephony/provider.js';
import {
  dialRequest,
  type Ending,
  endOf,
  expectEnding,
  expectHungUp,
  expectInOrder,
  hear,
  Listener,
  LONG_MS,
  type ProviderHarness,
  REFUSED,
  type Surroundings,
  TRANSFER,
  typesOf,
} from './provider-expectations.js';

/** The suite that every provider must pass. */
export function describeProvider(name: string, harness: ProviderHarness): void {
  describe(`provider ${name}`, () => {
    const opened: TelephonyProvider[] = [];
    let surroundings: Surroundings;
    const open = (): TelephonyProvider => {
      const provider = surroundings.open();
      opened.push(provider);
      return provider;
    };
    const world: World = { harness, open, ringsOf: (reference) => surroundings.ringsOf(reference) };

    beforeAll(async () => {
      surroundings = await harness.start();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((provider) => provider.close()));
    });
    afterAll(async () => {
      await surroundings.stop();
    });

    it('has a name', () => {
      expect(open().name).toMatch(/^[a-z][a-z0-9-]*$/);
    });
    describe('a dial', () => {
      describeDial(world);
    });
    describe('an end', () => {
      describeEndings(world);
    });
    describe('a hang-up', () => {
      describeHangup(world);
    });
    describe('a transfer', () => {
      describeTransfers(world);
    });
    describe('a reference', () => {
      describeReferences(world);
    });
    if (harness.sharesLegs)
      describe('another process', () => {
        describeOtherProcess(world);
      });
  });
}

interface World {
  harness: ProviderHarness;
  open: () => TelephonyProvider;
  ringsOf: (reference: string) => Promise<number>;
}

function endingsOf({ endings }: ProviderHarness): [Ending, string][] {
  return Object.entries(endings) as [Ending, string][];
}

function describeDial({ harness, open, ringsOf }: World): void {
  it('is accepted while the phone still rings', async () => {
    const leg = await open().dial(dialRequest(harness.endings.noAnswer));
    const signals = hear(leg);
    await leg.hangup();
    expect(typesOf(await signals)).not.toContain('answered');
  });

  it('repeated with its reference rings once and tells the same of the one leg', async () => {
    const provider = open();
    const request = dialRequest(harness.staysOnLine);
    const legs = await Promise.all(Array.from({ length: 20 }, () => provider.dial(request)));
    const listeners = legs.map((leg) => new Listener(leg));
    await Promise.all(listeners.map((listener) => listener.until('answered')));
    await legs[0]!.hangup();
    const [first, ...others] = await Promise.all(listeners.map(({ all }) => all));
    for (const other of others) expect(other).toEqual(first);
    expect(await ringsOf(request.attemptId)).toBe(1);
  });

  it('of 200 at once keeps each to itself', async () => {
    const provider = open();
    const endings = endingsOf(harness);
    const ends = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const [ending, to] = endings[index % endings.length]!;
        const request = dialRequest(to, { ringTimeoutMs: ending === 'noAnswer' ? harness.shortRingMs : LONG_MS });
        return { ending, request, signals: await hear(await provider.dial(request)) };
      }),
    );
    for (const { ending, request, signals } of ends) {
      expectEnding(ending, signals);
      expectInOrder(signals);
      expect(await ringsOf(request.attemptId)).toBe(1);
    }
  });
}

function describeEndings({ harness, open }: World): void {
  it.each(endingsOf(harness))('of kind %s has its reason, SIP status and author', async (ending, to) => {
    const ringTimeoutMs = ending === 'noAnswer' ? harness.shortRingMs : LONG_MS;
    const signals = await hear(await open().dial(dialRequest(to, { ringTimeoutMs })));
    expectEnding(ending, signals);
    expectInOrder(signals);
  });

  it('comes when nobody answers within the ring timeout, though somebody would have', async () => {
    const request = dialRequest(harness.staysOnLine, { ringTimeoutMs: harness.shortRingMs });
    expectEnding('noAnswer', await hear(await open().dial(request)));
  });

  it('comes when an answered call reaches its maximum duration', async () => {
    const request = dialRequest(harness.staysOnLine, { maxDurationMs: harness.shortCallMs });
    const signals = await hear(await open().dial(request));
    expect(endOf(signals)).toMatchObject({ reason: 'max_duration_reached', by: 'system', sipCode: null });
    expect(typesOf(signals)).toContain('answered');
    expectInOrder(signals);
  });
}

function describeHangup({ harness, open }: World): void {
  it('before the answer ends the leg unanswered', async () => {
    const leg = await open().dial(dialRequest(harness.endings.noAnswer));
    const listener = new Listener(leg);
    await listener.until('ringing');
    await leg.hangup();
    const signals = await listener.all;
    expectHungUp(signals);
    expect(typesOf(signals)).not.toContain('answered');
    expectInOrder(signals);
  });

  it('after the answer ends the leg, whatever keys were sent', async () => {
    const leg = await open().dial(dialRequest(harness.staysOnLine));
    const listener = new Listener(leg);
    await listener.until('answered');
    await leg.sendDtmf('12#');
    await leg.hangup();
    const signals = await listener.all;
    expectHungUp(signals);
    expectInOrder(signals);
  });

  it('before anybody listens is told to whoever does', async () => {
    const leg = await open().dial(dialRequest(harness.endings.noAnswer));
    await leg.hangup();
    expectHungUp(await hear(leg));
  });

  it('twice, at once and later, is one', async () => {
    const provider = open();
    const request = dialRequest(harness.staysOnLine);
    const leg = await provider.dial(request);
    const signals = hear(leg);
    await Promise.all([leg.hangup(), leg.hangup()]);
    expectHungUp(await signals);
    await leg.hangup();
    expect(await provider.find(request.attemptId)).toEqual({ status: 'ended', signals: await signals });
  });

  it('after the end changes nothing', async () => {
    const provider = open();
    const [ending, to] = endingsOf(harness).find(([ending]) => ending !== 'noAnswer')!;
    const request = dialRequest(to);
    const leg = await provider.dial(request);
    const signals = await hear(leg);
    await leg.hangup();
    expectEnding(ending, signals);
    expect(await provider.find(request.attemptId)).toEqual({ status: 'ended', signals });
  });
}

function describeTransfers({ harness, open }: World): void {
  const { endings, staysOnLine, transfersTo } = harness;

  it('to somebody who does not answer is refused, and the leg goes on', async () => {
    const leg = await open().dial(dialRequest(staysOnLine));
    const listener = new Listener(leg);
    await listener.until('answered');
    expect(await leg.transfer(endings.noAnswer, { ...TRANSFER, ringTimeoutMs: harness.shortRingMs })).toEqual(REFUSED);
    await leg.hangup();
    const signals = await listener.all;
    expectHungUp(signals);
    expect(typesOf(signals)).not.toContain('transferred');
  });

  it('before the answer and after the end is refused', async () => {
    const leg = await open().dial(dialRequest(endings.noAnswer));
    const signals = hear(leg);
    expect(await leg.transfer(transfersTo ?? staysOnLine, TRANSFER)).toEqual(REFUSED);
    await leg.hangup();
    await signals;
    expect(await leg.transfer(transfersTo ?? staysOnLine, TRANSFER)).toEqual(REFUSED);
  });

  if (transfersTo === undefined) {
    it('is refused, as it cannot be done', async () => {
      const leg = await open().dial(dialRequest(staysOnLine));
      const listener = new Listener(leg);
      await listener.until('answered');
      expect(await leg.transfer(staysOnLine, TRANSFER)).toEqual(REFUSED);
      await leg.hangup();
      expectHungUp(await listener.all);
    });
    return;
  }

  it('is told, once, and ends with the leg', async () => {
    const leg = await open().dial(dialRequest(staysOnLine));
    const listener = new Listener(leg);
    await listener.until('answered');
    const [first, second] = await Promise.all([
      leg.transfer(transfersTo, TRANSFER),
      leg.transfer(transfersTo, TRANSFER),
    ]);
    expect([first, second]).toEqual([{ status: 'connected' }, REFUSED]);
    await leg.hangup();
    const signals = await listener.all;
    expectHungUp(signals);
    expectInOrder(signals);
    expect(signals.filter(({ type }) => type === 'transferred')).toMatchObject([{ to: transfersTo, mode: 'bridge' }]);
  });
}

function describeReferences({ harness, open, ringsOf }: World): void {
  it('never dialled is never, and is refused from then on', async () => {
    const provider = open();
    const request = dialRequest(harness.staysOnLine);
    expect(await provider.find(request.attemptId)).toEqual({ status: 'never' });
    await expect(provider.dial(request)).rejects.toThrow();
    expect(await provider.find(request.attemptId)).toEqual({ status: 'never' });
    expect(await ringsOf(request.attemptId)).toBe(0);
  });

  it('of a leg that lives is found with it', async () => {
    const provider = open();
    const request = dialRequest(harness.staysOnLine);
    const told = new Listener(await provider.dial(request));
    await told.until('answered');
    const found = await provider.find(request.attemptId);
    if (found.status !== 'open') throw new Error(`is ${found.status}`);
    const again = new Listener(found.leg);
    await found.leg.hangup();
    expectHungUp(await again.all);
    expect(await again.all).toEqual(await told.all);
  });

  it('of a leg that is over is found with all that happened, and rings no more', async () => {
    const provider = open();
    const request = dialRequest(harness.staysOnLine, { maxDurationMs: harness.shortCallMs });
    const signals = await hear(await provider.dial(request));
    expect(await provider.find(request.attemptId)).toEqual({ status: 'ended', signals });
    expect(await hear(await provider.dial(request))).toEqual(signals);
    expect(await ringsOf(request.attemptId)).toBe(1);
  });
}

function describeOtherProcess({ harness, open, ringsOf }: World): void {
  it('reads a leg from its beginning when the first has closed, which hung nothing up', async () => {
    const first = open();
    const request = dialRequest(harness.staysOnLine);
    const listener = new Listener(await first.dial(request));
    await listener.until('answered');
    await first.close();
    const toldBefore = await listener.all;
    expect(typesOf(toldBefore)).not.toContain('ended');

    const found = await open().find(request.attemptId);
    if (found.status !== 'open') throw new Error(`is ${found.status}`);
    const again = new Listener(found.leg);
    await again.until('answered');
    await found.leg.hangup();
    const signals = await again.all;
    expectHungUp(signals);
    expect(signals.slice(0, toldBefore.length)).toEqual(toldBefore);
    expect(await ringsOf(request.attemptId)).toBe(1);
  });

  it('ends a leg that the first still reads', async () => {
    const request = dialRequest(harness.staysOnLine);
    const listener = new Listener(await open().dial(request));
    const found = await open().find(request.attemptId);
    if (found.status !== 'open') throw new Error(`is ${found.status}`);
    await found.leg.hangup();
    expectHungUp(await listener.all);
  });

  it('dialling the same reference rings no second phone', async () => {
    const request = dialRequest(harness.staysOnLine);
    const legs = await Promise.all([open(), open(), open()].map((provider) => provider.dial(request)));
    await legs[0]!.hangup();
    for (const leg of legs) expectHungUp(await hear(leg));
    expect(await ringsOf(request.attemptId)).toBe(1);
  });

  it('finds what is over, and is refused what was given up', async () => {
    const request = dialRequest(harness.staysOnLine, { maxDurationMs: harness.shortCallMs });
    const signals = await hear(await open().dial(request));
    expect(await open().find(request.attemptId)).toEqual({ status: 'ended', signals });
    const never = dialRequest(harness.staysOnLine);
    expect(await open().find(never.attemptId)).toEqual({ status: 'never' });
    await expect(open().dial(never)).rejects.toThrow();
    expect(await ringsOf(never.attemptId)).toBe(0);
  });
}
