import { join } from 'node:path';
import { eventually, temporaryFolder } from '../support/process.js';
import { readRings, startNumbers } from '../lib/sip/numbers-phone.js';
import { describeWithPeers, freePort, type Phone, PHONES, startKamailio, stopPeers } from '../peers/peers.js';
import { type TestCaller, SipHarness } from './sip-harness.js';

const BUSY = '+15550000002';
/** Answers at once and hangs up after a while. */
const LEAVES = '+15550000011';
const CALLS = 10;

const folder = temporaryFolder();

afterAll(async () => {
  await stopPeers();
  folder.remove();
});

describeWithPeers(['sipp', 'kamailio'], 'the carrier of live calls', () => {
  const log = join(folder.path, 'rings.log');
  let harness: SipHarness;
  let phones: Phone;

  beforeAll(async () => {
    phones = await startNumbers('udp', log);
    harness = await SipHarness.start({ callsPerSecond: 0 });
  });

  afterAll(() => harness.close());

  const nobodyAt = async (transport: 'udp' | 'tcp') => ({ host: PHONES, port: await freePort(PHONES), transport });

  const events = async (caller: TestCaller, ids: string[], type: string): Promise<Date[]> => {
    const all = (await Promise.all(ids.map((id) => harness.events(caller, id)))).flat();
    const times = all.filter((event) => event.type === type).map(({ occurredAt }) => new Date(occurredAt));
    return times.sort((a, b) => a.getTime() - b.getTime());
  };

  it.each(['udp', 'tcp'] as const)('is reached at its second server when the first is gone, over %s', async (gone) => {
    const targets = [await nobodyAt(gone), phones.target];
    const caller = await harness.caller({ target: phones.target, carrier: { targets } });
    const before = readRings(log).length;
    const call = await harness.outcomeOf(caller, LEAVES);
    expect(call).toMatchObject({ status: 'completed', disconnectionReason: 'user_hangup' });
    const [dialing] = (await harness.events(caller, call.id)).filter(({ type }) => type === 'call.dialing');
    expect(readRings(log).slice(before)).toEqual([
      { what: 'ring', callId: dialing?.data.claim },
      { what: 'left', callId: dialing?.data.claim },
    ]);
  });

  it('gets no more concurrent calls than its channels', async () => {
    const most = 3;
    const caller = await harness.caller({ target: phones.target, carrier: { maxChannels: most } });
    const before = readRings(log).length;
    const ids = await Promise.all(Array.from({ length: CALLS }, () => harness.dial(caller, LEAVES)));
    for (const id of ids)
      expect(await harness.ended(caller, id)).toMatchObject({
        status: 'completed',
        disconnectionReason: 'user_hangup',
      });
    const open: number[] = [];
    for (const { what } of readRings(log).slice(before)) open.push((open.at(-1) ?? 0) + (what === 'ring' ? 1 : -1));
    expect(open).toHaveLength(2 * CALLS);
    expect(Math.max(...open)).toBeLessThanOrEqual(most);
    expect(Math.max(...open)).toBeGreaterThan(1);
  });

  it('gets no more new calls per second than its limit', async () => {
    const most = 5;
    const caller = await harness.caller({ target: phones.target, carrier: { callsPerSecond: most } });
    const ids = await Promise.all(Array.from({ length: CALLS }, () => harness.dial(caller, BUSY)));
    for (const id of ids) expect(await harness.ended(caller, id)).toMatchObject({ disconnectionReason: 'dial_busy' });
    const dialled = await events(caller, ids, 'call.dialing');
    expect(dialled).toHaveLength(CALLS);
    expect(await events(caller, ids, 'call.deferred')).toEqual([]);
    // Each dial was confirmed; an unconfirmed one counts for ten seconds instead of one.
    await eventually('confirmations', async () => {
      const counted = await harness.db.database.query<{ asked_at: Date | null }>(
        'select asked_at from carrier_admissions where carrier = $1',
        [caller.carrierId],
      );
      expect(counted.length).toBeGreaterThan(0);
      return counted.every(({ asked_at }) => asked_at !== null) || undefined;
    });
    // Of any six in a row, the last starts a second after the first.
    for (const [i, at] of dialled.slice(most).entries())
      expect(at.getTime() - (dialled[i]?.getTime() ?? 0)).toBeGreaterThanOrEqual(1_000 - CLOCK_MS);
  });

  it('answers a ping with each of its servers', async () => {
    const carrier = await startKamailio({});
    const targets = [carrier.target, { ...carrier.target, transport: 'tcp' }, await nobodyAt('tcp')];
    const caller = await harness.caller({ target: carrier.target, carrier: { targets } });
    const answers = await harness.request(caller, 'POST', `/v1/carriers/${caller.carrierId}/ping`);
    expect(answers).toEqual([
      { ...targets[0], ok: true, status: 200, rttMs: expect.any(Number), problem: null },
      { ...targets[1], ok: true, status: 200, rttMs: expect.any(Number), problem: null },
      { ...targets[2], ok: false, status: null, rttMs: null, problem: null },
    ]);
  });

  it('does not answer a ping on a closed port', async () => {
    const target = await nobodyAt('udp');
    const caller = await harness.caller({ target });
    expect(await harness.request(caller, 'POST', `/v1/carriers/${caller.carrierId}/ping`)).toEqual([
      { ...target, ok: false, status: null, rttMs: null, problem: null },
    ]);
  });
});

/** Tolerance: two processes with clocks of whole milliseconds. */
const CLOCK_MS = 5;
