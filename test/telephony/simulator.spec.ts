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
  hear,
  Listener,
  type ProviderHarness,
  typesOf,
} from './provider-expectations.js';

const ANSWERED = '+15550000001';
const CAPACITY = '+15550000008';
const VERY_LONG = '+15550000011';
const END_NEVER_TOLD = '+15550000025';

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
      ringsOf: (reference) => Promise.resolve(ringsOf(folder.path, reference)),
      stop: () => {
        folder.remove();
        return Promise.resolve();
      },
    });
  },
};

/** With audio: a line is its process's own. */
const talking: ProviderHarness = {
  ...scripted,
  transfersTo: VERY_LONG,
  sharesLegs: false,
  start: () => {
    const folder = temporaryFolder();
    const voice = { synthesize: () => new Int16Array(8_000), transcribe: () => '' };
    return Promise.resolve({
      open: () => new SimulatorProvider({ ledgerFolder: folder.path, speed: 20, voice }),
      ringsOf: (reference) => Promise.resolve(ringsOf(folder.path, reference)),
      stop: () => {
        folder.remove();
        return Promise.resolve();
      },
    });
  },
};

describeProvider('simulator', scripted);
describeProvider('simulator with audio', talking);

const ringsOf = (folder: string, reference: string): number =>
  new SimulatorLedger(folder).dials().filter((dial) => dial.reference === reference).length;

/** Another process with the simulator at hand: what it prints by `say` can be awaited. */
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
      // The last line may still be on its way.
      return Promise.resolve(line && output.includes(`${line}\n`) ? line.slice(text.length + 1) : undefined);
    });
  return { child, says };
}

describe('the simulator', () => {
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

  it.each(SIMULATOR_NUMBERS.map(({ number }) => number).filter((number) => number !== END_NEVER_TOLD))(
    'tells the script of %s, all at once where speed is infinite',
    async (to) => {
      const request = dialRequest(to);
      const signals = await hear(await simulator(Infinity).dial(request));
      expect(typesOf(signals)).toEqual(timedSignalsFor(request, 0).map(({ signal }) => signal.type));
      const { at, answeredAt: _answeredAt, ...end } = endOf(signals);
      expect(end).toEqual(timedSignalsFor(request, 0).at(-1)?.signal);
      expect(new Set(signals.map((signal) => signal.at.getTime()))).toEqual(new Set([at.getTime()]));
    },
  );

  it('stays silent where the end is never told, until it is hung up', async () => {
    const provider = simulator(Infinity);
    const request = dialRequest(END_NEVER_TOLD);
    const leg = await provider.dial(request);
    const listener = new Listener(leg);
    await listener.until('turn');
    expect(await provider.find(request.attemptId)).toMatchObject({ status: 'open' });
    await leg.hangup();
    await new Promise(setImmediate);
    expectHungUp(listener.heard);
  });

  it('tells a silent leg when another process hung it up', async () => {
    const request = dialRequest(END_NEVER_TOLD);
    const listener = new Listener(await simulator(Infinity).dial(request));
    await listener.until('turn');
    const found = await simulator(Infinity).find(request.attemptId);
    if (found.status !== 'open') throw new Error(`is ${found.status}`);
    await found.leg.hangup();
    expectHungUp(await listener.all);
  });

  it('counts the dials of a call across processes for the number that has no channel at first', async () => {
    const callId = randomUUID();
    const requests = Array.from({ length: 3 }, () => dialRequest(CAPACITY, { callId }));
    const reasons = async (request: (typeof requests)[number]) =>
      endOf(await hear(await simulator(Infinity).dial(request))).reason;
    // Dialled again under the same reference is not dialled once more.
    for (const index of [0, 0, 1, 1]) expect(await reasons(requests[index]!)).toBe('capacity');
    expect(await reasons(requests[2]!)).toBe('agent_hangup');
    expect(await reasons(requests[0]!)).toBe('capacity');
    expect(await reasons(dialRequest(CAPACITY))).toBe('capacity');
  });

  it('refuses to read signals twice', async () => {
    const leg = await simulator(Infinity).dial(dialRequest(ANSWERED));
    await hear(leg);
    await expect(hear(leg)).rejects.toThrow('read once');
  });

  it('does nothing more once it is closed', async () => {
    const provider = simulator(1);
    const request = dialRequest(ANSWERED);
    const leg = await provider.dial(request);
    await provider.close();
    expect(await hear(leg)).toEqual([]);
    await expect(leg.hangup()).rejects.toThrow('closed');
    await expect(provider.dial(dialRequest(ANSWERED))).rejects.toThrow('closed');
    await expect(provider.find(request.attemptId)).rejects.toThrow('closed');
    expect(await simulator(1).find(request.attemptId)).toMatchObject({ status: 'open' });
  });

  it.each([0, -1, NaN])('takes no speed of %d', (speed) => {
    expect(() => simulator(speed)).toThrow(RangeError);
  });

  it('keeps the speed of a dial, whoever goes on with it', async () => {
    const request = dialRequest(ANSWERED);
    await simulator(Infinity).dial(request);
    expect(await simulator(1).find(request.attemptId)).toMatchObject({ status: 'ended' });
  });
});

describe('the ledger of the simulator', () => {
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

  it('outlives kill -9: another process reads the leg from its beginning and goes on', async () => {
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
    const listener = new Listener(found.leg);
    await eventually('a turn after the kill', () =>
      Promise.resolve(listener.heard.find(({ type, at }) => type === 'turn' && at.getTime() > killedAt)),
    );
    await found.leg.hangup();
    const signals = await listener.all;
    expectHungUp(signals);
    expect(typesOf(signals).slice(0, 3)).toEqual(['ringing', 'answered', 'turn']);
    expect(JSON.stringify(signals[1])).toBe(answered);
    expect(ringsOf(folder.path, request.attemptId)).toBe(1);
  });

  it('outlives kill -9 where there was audio, which does not: the call is over for everybody', async () => {
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
    await expect(hear(await provider.dial(request))).resolves.toEqual(found.signals);
    expect(ringsOf(folder.path, request.attemptId)).toBe(1);
  });

  it('has a dial and a hang-up before either is acknowledged', async () => {
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

  it('takes a dial that was cut off while it was written for never made', async () => {
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

  it('loses no record to what a crash left before it', async () => {
    const leg = await provider.dial(dialRequest(VERY_LONG));
    const [file = ''] = readdirSync(folder.path);
    appendFileSync(join(folder.path, file), '\n{"type":"hangup","refer');
    await leg.hangup();
    expectHungUp(await hear(leg));
  });

  it('gives racing processes one truth for each reference', async () => {
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
    // From the other end, so that both sides win somewhere.
    const ask = `for (const { attemptId: reference } of requests.reverse())
      outcomes[reference] = (await provider.find(reference)).status;`;
    const racers = [racer(dial), racer(ask), racer(dial), racer(ask)];
    await Promise.all(racers.map(({ says }) => says('ready')));
    for (const { child } of racers) child.stdin?.write('go');
    const outcomes = (await Promise.all(racers.map(({ says }) => says('outcomes')))).map(
      (text) => JSON.parse(text) as Record<string, string>,
    );

    const dialled = new Set(new SimulatorLedger(folder.path).dials().map(({ reference }) => reference));
    for (const { attemptId: reference } of requests) {
      const truth = dialled.has(reference) ? ['accepted', 'open'] : ['refused', 'never'];
      expect(outcomes.map((outcome) => outcome[reference])).toEqual([...truth, ...truth]);
    }
  });
});
