import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLog } from '../../src/lib/platform/log.js';
import { parseWav } from '../../src/lib/audio/wav.js';
import { type SipCarrier } from '../../src/carriers/sip-carrier.js';
import { SipTrunkProvider } from '../../src/telephony/sip-trunk/sip-trunk.provider.js';
import { type SipTarget } from '../../src/lib/sip/sip-types.js';
import { type CallLeg, type TransferOptions } from '../../src/telephony/provider.js';
import { find, joined, silence, speech } from '../support/audio.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually, temporaryFolder } from '../support/process.js';
import { dialRequest, endOf, Listener, typesOf } from './provider-expectations.js';
import { readRings, startNumbers } from '../lib/sip/numbers-phone.js';
import { Baresip, describeWithPeers, type Phone, startKamailio, startSipp, stopPeers } from '../peers/peers.js';

const ALIKE = 0.95;
/** Kamailio sends these to one phone each. */
const CUSTOMER = '+15550000001';
const DESK = '+15560000001';
const FROM = '+15559990000';
const BRIDGE: TransferOptions = { mode: 'bridge', from: FROM, ringTimeoutMs: 20_000 };
const REFER: TransferOptions = { ...BRIDGE, mode: 'refer' };

let db: TestDatabase;
let provider: SipTrunkProvider;
let carrier: SipCarrier;
const data = temporaryFolder();

beforeAll(async () => {
  db = await openTestDatabase();
});
afterEach(async () => {
  await provider.close();
  await stopPeers();
});
afterAll(async () => {
  await db.close();
  data.remove();
});

const newProvider = (mediaTimeoutMs = 60_000): SipTrunkProvider =>
  new SipTrunkProvider(db.database, { find: () => Promise.resolve(carrier) }, createLog('silent'), {
    sip: { address: '127.0.0.1', port: 0, publicAddress: undefined, rtpPorts: undefined, mediaTimeoutMs },
  });

function openProvider({ host, port = 5060, transport }: SipTarget, mediaTimeoutMs?: number): void {
  carrier = {
    kind: 'sip',
    id: 'lab',
    name: 'Lab',
    targets: [{ host, port, transport }],
    credentials: { username: 'alice', password: 's3cret' },
    codecs: ['PCMU', 'PCMA'],
    srtp: 'off',
    callerIdFormat: 'e164',
    numberFormat: 'e164',
    fromDomain: null,
    callsPerSecond: null,
    maxChannels: null,
    registration: false,
    verifyTls: true,
  };
  provider = newProvider(mediaTimeoutMs);
}

interface OnTheLine {
  leg: CallLeg;
  listener: Listener;
  reference: string;
}

/** Calls a customer who answers. */
async function answered(
  to = CUSTOMER,
  changes: { maxDurationMs?: number; recordTo?: string } = {},
): Promise<OnTheLine> {
  const { recordTo, ...others } = changes;
  const line = { carrier, organizationId: '01981f2e-9c1a-7b3e-8f7a-00000000000a', detectsAnswer: false, recordTo };
  const request = dialRequest(to, { ...others, line });
  const leg = await provider.dial(request);
  const listener = new Listener(leg);
  await listener.until('answered');
  return { leg, listener, reference: request.attemptId };
}

/** What is written down of the second calls of a leg. */
const statesOf = async (reference: string): Promise<string[]> => {
  const rows = await db.database.query<{ state: string }>(
    'select state from sip_legs where reference like $1 order by reference',
    [`${reference}-transfer-%`],
  );
  return rows.map(({ state }) => state);
};

describeWithPeers(['baresip', 'kamailio', 'openssl'], 'a bridge between two phones', () => {
  const WISH = speech(3, 11);
  const WELCOME = speech(3, 12);
  const INTRODUCTION = speech(30, 13);
  let customer: Baresip;
  let desk: Baresip;

  beforeEach(async () => {
    // Each says its words again and again: when they are connected is not known before.
    customer = await Baresip.start('', again(WISH));
    desk = await Baresip.start('', again(WELCOME));
    const kamailio = await startKamailio({ answers: customer.sipPort, scripted: desk.sipPort });
    openProvider(kamailio.target);
  });

  const again = (words: Int16Array): Int16Array =>
    joined(...Array.from({ length: 8 }, () => joined(silence(1), words)));

  it('lets each hear the other and not the agent, is recorded as the customer heard it, and ends with either', async () => {
    const recordTo = join(data.path, 'bridge.wav');
    const { leg, listener, reference } = await answered(CUSTOMER, { recordTo });
    leg.audio!.write(INTRODUCTION);
    expect(await leg.transfer(DESK, BRIDGE)).toEqual({ status: 'connected' });
    expect(await statesOf(reference)).toEqual(['answered']);
    await desk.hasRecorded(10);
    await customer.command('hangup');
    const signals = await listener.all;
    expect(typesOf(signals).slice(-2)).toEqual(['transferred', 'ended']);
    expect(signals.at(-2)).toMatchObject({ to: DESK, mode: 'bridge' });
    expect(endOf(signals)).toMatchObject({
      reason: 'call_transfer',
      by: 'customer',
      detail: expect.stringContaining(DESK),
    });
    expect(await statesOf(reference)).toEqual(['over']);
    const [theirs, ours] = await Promise.all([desk.recording(), customer.recording()]);
    expect(find(WISH, theirs.heard).correlation).toBeGreaterThanOrEqual(ALIKE);
    expect(find(WELCOME, ours.heard).correlation).toBeGreaterThanOrEqual(ALIKE);
    const [left, right] = parseWav(readFileSync(recordTo)).channels;
    expect(find(WISH, left).correlation).toBeGreaterThanOrEqual(ALIKE);
    expect(find(WELCOME, right!).correlation).toBeGreaterThanOrEqual(ALIKE);
    // The agent was cut off, and what it had still to say was heard by neither.
    const last = INTRODUCTION.subarray(-8_000);
    for (const heard of [theirs.heard, ours.heard]) expect(find(last, heard).correlation).toBeLessThan(0.5);
  });

  it('ends when the other side hangs up', async () => {
    const { leg, listener } = await answered();
    await leg.transfer(DESK, BRIDGE);
    await desk.hasRecorded(1);
    await desk.command('hangup');
    const detail = `Transferred to ${DESK}, who hung up`;
    expect(endOf(await listener.all)).toMatchObject({ reason: 'call_transfer', by: 'operator', detail });
    await customer.recording();
  });

  it('ends with the maximum duration of the call, for both', async () => {
    const { leg, listener, reference } = await answered(CUSTOMER, { maxDurationMs: 3_000 });
    await leg.transfer(DESK, BRIDGE);
    expect(endOf(await listener.all)).toMatchObject({ reason: 'max_duration_reached', by: 'system' });
    await Promise.all([customer.recording(), desk.recording()]);
    expect(await statesOf(reference)).toEqual(['over']);
  });

  it('ends when nothing comes from the other side any more', async () => {
    await provider.close();
    provider = newProvider(1_000);
    const { leg, listener } = await answered();
    await leg.transfer(DESK, BRIDGE);
    desk.peer.freeze();
    const end = endOf(await listener.all);
    expect(end).toMatchObject({ reason: 'error_media_lost', detail: expect.stringContaining(DESK) });
    await customer.recording();
  });

  it('is ended by a process that takes it over: both phones are told', async () => {
    const { leg, reference } = await answered();
    await leg.transfer(DESK, BRIDGE);
    await desk.hasRecorded(1);
    const other = newProvider();
    const found = await other.find(reference);
    expect(found).toMatchObject({ status: 'ended' });
    await Promise.all([customer.recording(), desk.recording()]);
    await other.close();
    expect(await statesOf(reference)).toEqual(['over']);
  });
});

describeWithPeers(['baresip', 'kamailio', 'sipp', 'openssl'], 'a bridge to somebody who cannot be reached', () => {
  const log = join(data.path, 'rings.log');
  let customer: Baresip;

  beforeEach(async () => {
    customer = await Baresip.start('', silence(60));
    const numbers = await startNumbers('udp', log);
    const kamailio = await startKamailio({ answers: customer.sipPort, scripted: numbers.target.port ?? 0 });
    openProvider(kamailio.target);
  });

  const told = (): string[] => readRings(log).map(({ what }) => what);
  /** The conversation goes on: the customer hears what is said now. */
  const expectConversation = async ({ leg, listener }: OnTheLine): Promise<void> => {
    const sorry = speech(2, 14);
    leg.audio!.write(sorry);
    expect(await leg.audio!.mark()).toBe('played');
    await leg.hangup();
    const signals = await listener.all;
    expect(typesOf(signals)).not.toContain('transferred');
    expect(endOf(signals)).toMatchObject({ reason: 'agent_hangup' });
    expect(find(sorry, (await customer.recording()).heard).correlation).toBeGreaterThanOrEqual(ALIKE);
  };

  it.each([
    ['busy', '+15560000002', 'The line there is busy'],
    ['declined', '+15560000004', 'The call was declined there'],
    ['no number', '+15560000005', 'The number does not exist'],
  ])('is refused in words, and the conversation goes on: %s', async (_, number, detail) => {
    const line = await answered();
    expect(await line.leg.transfer(number, BRIDGE)).toEqual({ status: 'refused', detail });
    expect(await statesOf(line.reference)).toEqual(['over']);
    await expectConversation(line);
  });

  it('is not begun when it was given up before', async () => {
    const line = await answered();
    const result = await line.leg.transfer('+15560000003', { ...BRIDGE, signal: AbortSignal.abort() });
    expect(result).toMatchObject({ status: 'refused' });
    expect(told()).toEqual([]);
    await expectConversation(line);
  });

  it('is tried five times at most', async () => {
    const { leg } = await answered();
    for (let attempt = 1; attempt <= 5; attempt++) await leg.transfer('+15560000002', BRIDGE);
    const result = await leg.transfer('+15560000001', BRIDGE);
    expect(result).toEqual({ status: 'refused', detail: 'No more than 5 transfers can be tried in one call' });
    expect(told()).toEqual(['ring', 'ring', 'ring', 'ring', 'ring']);
  });
});

describeWithPeers(['sipp'], 'a bridge to somebody whose phone only rings', () => {
  const log = join(data.path, 'ringing.log');
  const ANSWERS_AND_STAYS = '+15550000015';
  const ANSWERS_AND_LEAVES = '+15550000011';
  const RINGS = '+15550000003';

  beforeEach(async () => {
    openProvider((await startNumbers('udp', log)).target);
  });

  /** What the phones say of the second call. */
  const told = (reference: string): string[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .flatMap((line) => new RegExp(`\\b(ring|cancelled|bye) ${reference}-transfer-1`).exec(line)?.[1] ?? []);
  const rings = (reference: string) =>
    eventually('ringing', () => Promise.resolve(told(reference).length === 1 || undefined));

  const expectConversation = async ({ leg, listener, reference }: OnTheLine): Promise<void> => {
    expect(told(reference)).toEqual(['ring', 'cancelled']);
    expect(await statesOf(reference)).toEqual(['over']);
    leg.audio!.write(silence(0.1));
    expect(await leg.audio!.mark()).toBe('played');
    await leg.hangup();
    const signals = await listener.all;
    expect(typesOf(signals)).not.toContain('transferred');
    expect(endOf(signals)).toMatchObject({ reason: 'agent_hangup' });
  };

  it('is given up when nobody answers in time', async () => {
    const line = await answered(ANSWERS_AND_STAYS);
    const result = await line.leg.transfer(RINGS, { ...BRIDGE, ringTimeoutMs: 500 });
    expect(result).toEqual({ status: 'refused', detail: 'Nobody answers there' });
    await expectConversation(line);
  });

  it('is cancelled when nobody wants it any more', async () => {
    const line = await answered(ANSWERS_AND_STAYS);
    const given = new AbortController();
    const transfer = line.leg.transfer(RINGS, { ...BRIDGE, signal: given.signal });
    await rings(line.reference);
    given.abort();
    expect(await transfer).toEqual({ status: 'refused', detail: 'The transfer was given up' });
    await expectConversation(line);
  });

  it('is cancelled when the customer hangs up', async () => {
    const { leg, listener, reference } = await answered(ANSWERS_AND_LEAVES);
    expect(await leg.transfer(RINGS, BRIDGE)).toMatchObject({ status: 'refused' });
    expect(endOf(await listener.all)).toMatchObject({ reason: 'user_hangup', by: 'customer' });
    expect(told(reference)).toEqual(['ring', 'cancelled']);
    expect(await statesOf(reference)).toEqual(['over']);
  });

  it('is cancelled when we end the call', async () => {
    const { leg, listener, reference } = await answered(ANSWERS_AND_STAYS);
    const transfer = leg.transfer(RINGS, BRIDGE);
    await rings(reference);
    await leg.hangup();
    expect(await transfer).toMatchObject({ status: 'refused' });
    expect(endOf(await listener.all)).toMatchObject({ reason: 'agent_hangup' });
    expect(told(reference)).toEqual(['ring', 'cancelled']);
  });
});

describeWithPeers(['sipp'], 'a customer who is asked to go elsewhere (REFER)', () => {
  let phone: Phone;

  const referred = async (scenario: string, options = REFER) => {
    phone = await startSipp(scenario);
    openProvider(phone.target);
    const line = await answered();
    return { ...line, result: await line.leg.transfer(DESK, options) };
  };

  it.each(['refer_accept', 'refer_leave'])('goes: %s', async (scenario) => {
    const { result, listener } = await referred(scenario);
    expect(result).toEqual({ status: 'connected' });
    const signals = await listener.all;
    expect(typesOf(signals).slice(-2)).toEqual(['transferred', 'ended']);
    expect(signals.at(-2)).toMatchObject({ to: DESK, mode: 'refer' });
    expect(endOf(signals)).toMatchObject({
      reason: 'call_transfer',
      by: 'agent',
      detail: expect.stringContaining(DESK),
    });
    expect(await phone.peer.exited).toBe(0);
  });

  it.each([
    ['refer_refuse', 603, 20_000],
    ['refer_fail', 486, 20_000],
    ['refer_silent', 408, 500],
  ])('stays, and the conversation goes on: %s', async (scenario, status, ringTimeoutMs) => {
    const { leg, result, listener } = await referred(scenario, { ...REFER, ringTimeoutMs });
    expect(result).toEqual({ status: 'refused', detail: `The far end does not transfer the call (SIP ${status})` });
    await leg.hangup();
    const signals = await listener.all;
    expect(typesOf(signals)).not.toContain('transferred');
    expect(endOf(signals)).toMatchObject({ reason: 'agent_hangup' });
    expect(await phone.peer.exited).toBe(0);
  });
});
