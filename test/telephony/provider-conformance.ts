import { type TelephonyProvider } from '../../src/telephony/provider.js';
import {
  dialRequest,
  type Ending,
  endOf,
  expectEnding,
  expectHungUp,
  expectInOrder,
  readAll,
  LegReader,
  LONG_MS,
  type ProviderHarness,
  REFUSED,
  type ProviderEnvironment,
  TRANSFER,
  typesOf,
} from './provider-expectations.js';

/** The conformance suite of telephony providers. */
export function describeProvider(name: string, harness: ProviderHarness): void {
  describe(`provider ${name}`, () => {
    const opened: TelephonyProvider[] = [];
    let environment: ProviderEnvironment;
    const open = (): TelephonyProvider => {
      const provider = environment.open();
      opened.push(provider);
      return provider;
    };
    const context: Context = { harness, open, ringsOf: (attemptId) => environment.ringsOf(attemptId) };

    beforeAll(async () => {
      environment = await harness.start();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((provider) => provider.close()));
    });
    afterAll(async () => {
      await environment.stop();
    });

    it('has a name', () => {
      expect(open().name).toMatch(/^[a-z][a-z0-9-]*$/);
    });
    describe('a dial', () => {
      describeDial(context);
    });
    describe('an end', () => {
      describeEndings(context);
    });
    describe('a hang-up', () => {
      describeHangup(context);
    });
    describe('a transfer', () => {
      describeTransfers(context);
    });
    describe('an attempt', () => {
      describeAttempts(context);
    });
    if (harness.sharesLegs)
      describe('another process', () => {
        describeOtherProcess(context);
      });
  });
}

interface Context {
  harness: ProviderHarness;
  open: () => TelephonyProvider;
  ringsOf: (attemptId: string) => Promise<number>;
}

function endingsOf({ endings }: ProviderHarness): [Ending, string][] {
  return Object.entries(endings) as [Ending, string][];
}

function describeDial({ harness, open, ringsOf }: Context): void {
  it('resolves while the phone still rings', async () => {
    const leg = await open().dial(dialRequest(harness.endings.noAnswer));
    const signals = readAll(leg);
    await leg.hangup();
    expect(typesOf(await signals)).not.toContain('answered');
  });

  it('repeated for the same attempt rings once and delivers the same signals', async () => {
    const provider = open();
    const request = dialRequest(harness.staysOnLine);
    const legs = await Promise.all(Array.from({ length: 20 }, () => provider.dial(request)));
    const readers = legs.map((leg) => new LegReader(leg));
    await Promise.all(readers.map((reader) => reader.until('answered')));
    await legs[0]!.hangup();
    const [first, ...others] = await Promise.all(readers.map(({ all }) => all));
    for (const other of others) expect(other).toEqual(first);
    expect(await ringsOf(request.attemptId)).toBe(1);
  });

  it('keeps 200 concurrent calls apart', async () => {
    const provider = open();
    const endings = endingsOf(harness);
    const ends = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const [ending, to] = endings[index % endings.length]!;
        const request = dialRequest(to, { ringTimeoutMs: ending === 'noAnswer' ? harness.shortRingMs : LONG_MS });
        return { ending, request, signals: await readAll(await provider.dial(request)) };
      }),
    );
    for (const { ending, request, signals } of ends) {
      expectEnding(ending, signals);
      expectInOrder(signals);
      expect(await ringsOf(request.attemptId)).toBe(1);
    }
  });
}

function describeEndings({ harness, open }: Context): void {
  it.each(endingsOf(harness))('of kind %s has its reason, SIP status and party', async (ending, to) => {
    const ringTimeoutMs = ending === 'noAnswer' ? harness.shortRingMs : LONG_MS;
    const signals = await readAll(await open().dial(dialRequest(to, { ringTimeoutMs })));
    expectEnding(ending, signals);
    expectInOrder(signals);
  });

  it('comes with the ring timeout, before a later answer', async () => {
    const request = dialRequest(harness.staysOnLine, { ringTimeoutMs: harness.shortRingMs });
    expectEnding('noAnswer', await readAll(await open().dial(request)));
  });

  it('comes with the maximum duration of an answered call', async () => {
    const request = dialRequest(harness.staysOnLine, { maxDurationMs: harness.shortCallMs });
    const signals = await readAll(await open().dial(request));
    expect(endOf(signals)).toMatchObject({ reason: 'max_duration_reached', by: 'system', sipCode: null });
    expect(typesOf(signals)).toContain('answered');
    expectInOrder(signals);
  });
}

function describeHangup({ harness, open }: Context): void {
  it('before the answer ends the leg unanswered', async () => {
    const leg = await open().dial(dialRequest(harness.endings.noAnswer));
    const reader = new LegReader(leg);
    await reader.until('ringing');
    await leg.hangup();
    const signals = await reader.all;
    expectHungUp(signals);
    expect(typesOf(signals)).not.toContain('answered');
    expectInOrder(signals);
  });

  it('after the answer ends the leg, also after DTMF', async () => {
    const leg = await open().dial(dialRequest(harness.staysOnLine));
    const reader = new LegReader(leg);
    await reader.until('answered');
    await leg.sendDtmf('12#');
    await leg.hangup();
    const signals = await reader.all;
    expectHungUp(signals);
    expectInOrder(signals);
  });

  it('before the first reader is delivered to it', async () => {
    const leg = await open().dial(dialRequest(harness.endings.noAnswer));
    await leg.hangup();
    expectHungUp(await readAll(leg));
  });

  it('is idempotent, at once and later', async () => {
    const provider = open();
    const request = dialRequest(harness.staysOnLine);
    const leg = await provider.dial(request);
    const signals = readAll(leg);
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
    const signals = await readAll(leg);
    await leg.hangup();
    expectEnding(ending, signals);
    expect(await provider.find(request.attemptId)).toEqual({ status: 'ended', signals });
  });
}

function describeTransfers({ harness, open }: Context): void {
  const { endings, staysOnLine, transfersTo } = harness;

  it('without an answer is refused, and the leg goes on', async () => {
    const leg = await open().dial(dialRequest(staysOnLine));
    const reader = new LegReader(leg);
    await reader.until('answered');
    expect(await leg.transfer(endings.noAnswer, { ...TRANSFER, ringTimeoutMs: harness.shortRingMs })).toEqual(REFUSED);
    await leg.hangup();
    const signals = await reader.all;
    expectHungUp(signals);
    expect(typesOf(signals)).not.toContain('transferred');
  });

  it('before the answer and after the end is refused', async () => {
    const leg = await open().dial(dialRequest(endings.noAnswer));
    const signals = readAll(leg);
    expect(await leg.transfer(transfersTo ?? staysOnLine, TRANSFER)).toEqual(REFUSED);
    await leg.hangup();
    await signals;
    expect(await leg.transfer(transfersTo ?? staysOnLine, TRANSFER)).toEqual(REFUSED);
  });

  if (transfersTo === undefined) {
    it('is refused by a provider that cannot transfer', async () => {
      const leg = await open().dial(dialRequest(staysOnLine));
      const reader = new LegReader(leg);
      await reader.until('answered');
      expect(await leg.transfer(staysOnLine, TRANSFER)).toEqual(REFUSED);
      await leg.hangup();
      expectHungUp(await reader.all);
    });
    return;
  }

  it('is signalled once, and ends with the leg', async () => {
    const leg = await open().dial(dialRequest(staysOnLine));
    const reader = new LegReader(leg);
    await reader.until('answered');
    const [first, second] = await Promise.all([
      leg.transfer(transfersTo, TRANSFER),
      leg.transfer(transfersTo, TRANSFER),
    ]);
    expect([first, second]).toEqual([{ status: 'connected' }, REFUSED]);
    await leg.hangup();
    const signals = await reader.all;
    expectHungUp(signals);
    expectInOrder(signals);
    expect(signals.filter(({ type }) => type === 'transferred')).toMatchObject([{ to: transfersTo, mode: 'bridge' }]);
  });
}

function describeAttempts({ harness, open, ringsOf }: Context): void {
  it('never dialled is `never`, and its dial is refused from then on', async () => {
    const provider = open();
    const request = dialRequest(harness.staysOnLine);
    expect(await provider.find(request.attemptId)).toEqual({ status: 'never' });
    await expect(provider.dial(request)).rejects.toThrow();
    expect(await provider.find(request.attemptId)).toEqual({ status: 'never' });
    expect(await ringsOf(request.attemptId)).toBe(0);
  });

  it('with an open leg is found with it', async () => {
    const provider = open();
    const request = dialRequest(harness.staysOnLine);
    const first = new LegReader(await provider.dial(request));
    await first.until('answered');
    const found = await provider.find(request.attemptId);
    if (found.status !== 'open') throw new Error(`is ${found.status}`);
    const again = new LegReader(found.leg);
    await found.leg.hangup();
    expectHungUp(await again.all);
    expect(await again.all).toEqual(await first.all);
  });

  it('with an ended leg is found with all signals, and does not ring again', async () => {
    const provider = open();
    const request = dialRequest(harness.staysOnLine, { maxDurationMs: harness.shortCallMs });
    const signals = await readAll(await provider.dial(request));
    expect(await provider.find(request.attemptId)).toEqual({ status: 'ended', signals });
    expect(await readAll(await provider.dial(request))).toEqual(signals);
    expect(await ringsOf(request.attemptId)).toBe(1);
  });
}

function describeOtherProcess({ harness, open, ringsOf }: Context): void {
  it('reads a leg from its beginning after the close of the first, which does not hang up', async () => {
    const first = open();
    const request = dialRequest(harness.staysOnLine);
    const reader = new LegReader(await first.dial(request));
    await reader.until('answered');
    await first.close();
    const signalsBefore = await reader.all;
    expect(typesOf(signalsBefore)).not.toContain('ended');

    const found = await open().find(request.attemptId);
    if (found.status !== 'open') throw new Error(`is ${found.status}`);
    const again = new LegReader(found.leg);
    await again.until('answered');
    await found.leg.hangup();
    const signals = await again.all;
    expectHungUp(signals);
    expect(signals.slice(0, signalsBefore.length)).toEqual(signalsBefore);
    expect(await ringsOf(request.attemptId)).toBe(1);
  });

  it('hangs up a leg that the first still reads', async () => {
    const request = dialRequest(harness.staysOnLine);
    const reader = new LegReader(await open().dial(request));
    const found = await open().find(request.attemptId);
    if (found.status !== 'open') throw new Error(`is ${found.status}`);
    await found.leg.hangup();
    expectHungUp(await reader.all);
  });

  it('rings no second phone with a dial of the same attempt', async () => {
    const request = dialRequest(harness.staysOnLine);
    const legs = await Promise.all([open(), open(), open()].map((provider) => provider.dial(request)));
    await legs[0]!.hangup();
    for (const leg of legs) expectHungUp(await readAll(leg));
    expect(await ringsOf(request.attemptId)).toBe(1);
  });

  it('finds an ended attempt, and cannot dial one that was never dialled', async () => {
    const request = dialRequest(harness.staysOnLine, { maxDurationMs: harness.shortCallMs });
    const signals = await readAll(await open().dial(request));
    expect(await open().find(request.attemptId)).toEqual({ status: 'ended', signals });
    const never = dialRequest(harness.staysOnLine);
    expect(await open().find(never.attemptId)).toEqual({ status: 'never' });
    await expect(open().dial(never)).rejects.toThrow();
    expect(await ringsOf(never.attemptId)).toBe(0);
  });
}
