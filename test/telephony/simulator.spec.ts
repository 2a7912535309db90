import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SimulatorLedger } from '../../src/telephony/simulator/simulator-ledger.js';
import { SimulatorProvider } from '../../src/telephony/simulator/simulator.provider.js';
import { timedSignalsFor, SIMULATOR_NUMBERS } from '../../src/telephony/simulator/simulator-numbers.js';
import { eventually, temporaryFolder } from '../support/process.js';
import { describeProvider } from './provider-conformance.js';
import {
  dialRequest,
  endOf,
  expectHungUp,
  readAll,
  LegReader,
  type ProviderHarness,
  typesOf,
} from './provider-expectations.js';

const ANSWERED = '+15550000001';
const CAPACITY = '+15550000008';
const VERY_LONG = '+15550000011';
const MISSING_END = '+15550000025';

const scripted: ProviderHarness = {
  endings: {
    busy: '+15550000002',
    noAnswer: '+15550000003',
    declined: '+15550000004',
    invalid: '+15550000005',
    notPermitted: '+15550000014',
    blocked: '+15550000013',
    unavailable: '+15550000007',
    capacity: CAPACITY,
    voicemail: '+15550000006',
    lineDrops: '+15550000009',
    customerHangsUp: '+15550000010',
  },
  staysOnLine: VERY_LONG,
  shortRingMs: 1_500,
  shortCallMs: 10_000,
  sharesLegs: true,
  start: () => {
    const folder = temporaryFolder();
    return Promise.resolve({
      open: () => new SimulatorProvider({ ledgerFolder: folder.path, speed: 200 }),
      ringsOf: (attemptId) => Promise.resolve(ringsOf(folder.path, attemptId)),
      stop: () => {
        folder.remove();
        return Promise.resolve();
      },
    });
  },
};

/** With audio a line belongs to its process. */
const withAudio: ProviderHarness = {
  ...scripted,
  transfersTo: VERY_LONG,
  sharesLegs: false,
  start: () => {
    const folder = temporaryFolder();
    const voice = { synthesize: () => new Int16Array(8_000), transcribe: () => '' };
    return Promise.resolve({
      open: () => new SimulatorProvider({ ledgerFolder: folder.path, speed: 20, voice }),
      ringsOf: (attemptId) => Promise.resolve(ringsOf(folder.path, attemptId)),
      stop: () => {
        folder.remove();
        return Promise.resolve();
      },
    });
  },
};

describeProvider('simulator', scripted);
describeProvider('simulator with audio', withAudio);

const ringsOf = (folder: string, attemptId: string): number =>
  new SimulatorLedger(folder).dials().filter((dial) => dial.reference === attemptId).length;

/** Another process with the simulator; a test can await the lines that it prints with `say`. */
function startProcess(folder: string, code: string): { child: ChildProcess; says: (text: string) => Promise<string> } {
  const built = pathToFileURL(resolve('dist/telephony/simulator/simulator.provider.js')).href;
  const source = `
    import { SimulatorProvider } from ${JSON.stringify(built)};
    const simulator = (speed, voice) => new SimulatorProvider({ ledgerFolder: ${JSON.stringify(folder)}, speed, voice });
    const voice = { synthesize: () => new Int16Array(8000), transcribe: () => '' };
    const say = (what, value) => process.stdout.write(what + ' ' + JSON.stringify(value ?? null) + '\\n');
    ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const says = (text: string): Promise<string> =>
    eventually(text, () => {
      const line = output.split('\n').find((one) => one.startsWith(`${text} `));
      // The last line may be incomplete.
      return Promise.resolve(line && output.includes(`${line}\n`) ? line.slice(text.length + 1) : undefined);
    });
  return { child, says };
}

describe('SimulatorProvider', () => {
  const folder = temporaryFolder();
  const providers: SimulatorProvider[] = [];
  const simulator = (speed: number): SimulatorProvider => {
    const provider = new SimulatorProvider({ ledgerFolder: folder.path, speed });
    providers.push(provider);
    return provider;
  };
  afterEach(async () => {
    await Promise.all(providers.splice(0).map((provider) => provider.close()));
  });
  afterAll(() => {
    folder.remove();
  });

  it.each(SIMULATOR_NUMBERS.map(({ number }) => number).filter((number) => number !== MISSING_END))(
    'delivers the signals of %s at once with infinite speed',
    async (to) => {
      const request = dialRequest(to);
      const signals = await readAll(await simulator(Infinity).dial(request));
      expect(typesOf(signals)).toEqual(timedSignalsFor(request, 0).map(({ signal }) => signal.type));
      const { at, answeredAt: _answeredAt, ...end } = endOf(signals);
      expect(end).toEqual(timedSignalsFor(request, 0).at(-1)?.signal);
      expect(new Set(signals.map((signal) => signal.at.getTime()))).toEqual(new Set([at.getTime()]));
    },
  );

  it('stays silent with a missing end until the hang-up', async () => {
    const provider = simulator(Infinity);
    const request = dialRequest(MISSING_END);
    const leg = await provider.dial(request);
    const reader = new LegReader(leg);
    await reader.until('turn');
    expect(await provider.find(request.attemptId)).toMatchObject({ status: 'open' });
    await leg.hangup();
    await new Promise(setImmediate);
    expectHungUp(reader.signals);
  });

  it('ends a silent leg that another process hangs up', async () => {
    const request = dialRequest(MISSING_END);
    const reader = new LegReader(await simulator(Infinity).dial(request));
    await reader.until('turn');
    const found = await simulator(Infinity).find(request.attemptId);
    if (found.status !== 'open') throw new Error(`is ${found.status}`);
    await found.leg.hangup();
    expectHungUp(await reader.all);
  });

  it('counts the dials of a call across processes for the number of a full carrier', async () => {
    const callId = randomUUID();
    const requests = Array.from({ length: 3 }, () => dialRequest(CAPACITY, { callId }));
    const reasons = async (request: (typeof requests)[number]) =>
      endOf(await readAll(await simulator(Infinity).dial(request))).reason;
    // A second dial of the same attempt does not count.
    for (const index of [0, 0, 1, 1]) expect(await reasons(requests[index]!)).toBe('capacity');
    expect(await reasons(requests[2]!)).toBe('agent_hangup');
    expect(await reasons(requests[0]!)).toBe('capacity');
    expect(await reasons(dialRequest(CAPACITY))).toBe('capacity');
  });

  it('refuses to read signals twice', async () => {
    const leg = await simulator(Infinity).dial(dialRequest(ANSWERED));
    await readAll(leg);
    await expect(readAll(leg)).rejects.toThrow('read once');
  });

  it('refuses everything after its close', async () => {
    const provider = simulator(1);
    const request = dialRequest(ANSWERED);
    const leg = await provider.dial(request);
    await provider.close();
    expect(await readAll(leg)).toEqual([]);
    await expect(leg.hangup()).rejects.toThrow('closed');
    await expect(provider.dial(dialRequest(ANSWERED))).rejects.toThrow('closed');
    await expect(provider.find(request.attemptId)).rejects.toThrow('closed');
    expect(await simulator(1).find(request.attemptId)).toMatchObject({ status: 'open' });
  });

  it.each([0, -1, NaN])('rejects a speed of %d', (speed) => {
    expect(() => simulator(speed)).toThrow(RangeError);
  });

  it('keeps the speed of a dial in other processes', async () => {
    const request = dialRequest(ANSWERED);
    await simulator(Infinity).dial(request);
    expect(await simulator(1).find(request.attemptId)).toMatchObject({ status: 'ended' });
  });
});

describe('SimulatorLedger', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let provider: SimulatorProvider;
  beforeEach(() => {
    folder = temporaryFolder();
    provider = new SimulatorProvider({ ledgerFolder: folder.path, speed: 200 });
  });
  afterEach(async () => {
    await provider.close();
    folder.remove();
  });

  it('survives kill -9: another process reads the leg from its beginning', async () => {
    const request = dialRequest(VERY_LONG);
    const { child, says } = startProcess(
      folder.path,
      `const leg = await simulator(20).dial(${JSON.stringify(request)});
       for await (const signal of leg.signals) say(signal.type, signal);`,
    );
    const answered = await says('answered');
    child.kill('SIGKILL');
    await once(child, 'close');
    const killedAt = Date.now();

    const found = await provider.find(request.attemptId);
    if (found.status !== 'open') throw new Error(`is ${found.status}`);
    const reader = new LegReader(found.leg);
    await eventually('a turn after the kill', () =>
      Promise.resolve(reader.signals.find(({ type, at }) => type === 'turn' && at.getTime() > killedAt)),
    );
    await found.leg.hangup();
    const signals = await reader.all;
    expectHungUp(signals);
    expect(typesOf(signals).slice(0, 3)).toEqual(['ringing', 'answered', 'turn']);
    expect(JSON.stringify(signals[1])).toBe(answered);
    expect(ringsOf(folder.path, request.attemptId)).toBe(1);
  });

  it('survives kill -9 with audio, which does not: the call has ended for every process', async () => {
    const request = dialRequest(VERY_LONG);
    const { child, says } = startProcess(
      folder.path,
      `const leg = await simulator(20, voice).dial(${JSON.stringify(request)});
       for await (const signal of leg.signals) say(signal.type, signal);`,
    );
    const answered = await says('answered');
    child.kill('SIGKILL');
    await once(child, 'close');

    const found = await provider.find(request.attemptId);
    if (found.status !== 'ended') throw new Error(`is ${found.status}`);
    expect(typesOf(found.signals)).toEqual(['ringing', 'answered', 'ended']);
    expect(JSON.stringify(found.signals[1])).toBe(answered);
    expect(endOf(found.signals)).toMatchObject({ reason: 'error_media_lost', by: 'system' });
    expect(await provider.find(request.attemptId)).toEqual(found);
    await expect(readAll(await provider.dial(request))).resolves.toEqual(found.signals);
    expect(ringsOf(folder.path, request.attemptId)).toBe(1);
  });

  it('contains a dial and a hang-up before either resolves', async () => {
    const request = dialRequest(VERY_LONG);
    const { child } = startProcess(
      folder.path,
      `const leg = await simulator(1).dial(${JSON.stringify(request)});
       await leg.hangup();
       process.kill(process.pid, 'SIGKILL');`,
    );
    await once(child, 'close');
    expect(child.signalCode).toBe('SIGKILL');
    const { attemptId: reference, line: _line, ...dialled } = request;
    const entries = new SimulatorLedger(folder.path).entries();
    expect(entries).toMatchObject([
      { type: 'dial', reference, ...dialled, speed: 1, dialsBefore: 0 },
      { type: 'hangup', reference },
    ]);
    expect(await provider.find(request.attemptId)).toMatchObject({ status: 'ended' });
  });

  it('treats a dial whose record is incomplete as never dialled', async () => {
    const request = dialRequest(ANSWERED);
    await provider.dial(request);
    const [file = ''] = readdirSync(folder.path);
    const torn = readFileSync(join(folder.path, file), 'utf8').slice(0, -20);
    writeFileSync(join(folder.path, file), torn);

    expect(new SimulatorLedger(folder.path).entries()).toEqual([]);
    expect(await provider.find(request.attemptId)).toEqual({ status: 'never' });
    await expect(provider.dial(request)).rejects.toThrow('refused');
    expect(ringsOf(folder.path, request.attemptId)).toBe(0);
  });

  it('reads a record after an incomplete one', async () => {
    const leg = await provider.dial(dialRequest(VERY_LONG));
    const [file = ''] = readdirSync(folder.path);
    appendFileSync(join(folder.path, file), '\n{"type":"hangup","refer');
    await leg.hangup();
    expectHungUp(await readAll(leg));
  });

  it('gives racing processes the same result for each attempt', async () => {
    const requests = Array.from({ length: 300 }, () => dialRequest(VERY_LONG));
    const racer = (work: string): ReturnType<typeof startProcess> =>
      startProcess(
        folder.path,
        `const provider = simulator(1), requests = ${JSON.stringify(requests)}, outcomes = {};
         say('ready');
         process.stdin.once('data', async () => {
           ${work}
           say('outcomes', outcomes);
           process.exit(0);
         });`,
      );
    const dial = `for (const request of requests)
      outcomes[request.attemptId] = await provider.dial(request).then(() => 'accepted', () => 'refused');`;
    // In reverse order, so that each side wins for some attempts.
    const find = `for (const { attemptId } of requests.reverse())
      outcomes[attemptId] = (await provider.find(attemptId)).status;`;
    const racers = [racer(dial), racer(find), racer(dial), racer(find)];
    await Promise.all(racers.map(({ says }) => says('ready')));
    for (const { child } of racers) child.stdin?.write('go');
    const outcomes = (await Promise.all(racers.map(({ says }) => says('outcomes')))).map(
      (text) => JSON.parse(text) as Record<string, string>,
    );

    const dialled = new Set(new SimulatorLedger(folder.path).dials().map(({ reference }) => reference));
    for (const { attemptId } of requests) {
      const expected = dialled.has(attemptId) ? ['accepted', 'open'] : ['refused', 'never'];
      expect(outcomes.map((outcome) => outcome[attemptId])).toEqual([...expected, ...expected]);
    }
  });
});
