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
import { dialRequest, endOf, LegReader, typesOf } from './provider-expectations.js';
import { readRings, startNumbers } from '../lib/sip/numbers-phone.js';
import { Baresip, describeWithPeers, type Phone, startKamailio, startSipp, stopPeers } from '../peers/peers.js';

const MIN_CORRELATION = 0.95;
/** Kamailio routes each of these to one phone. */
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

interface AnsweredCall {
  leg: CallLeg;
  reader: LegReader;
  attemptId: string;
}

/** Dials a customer that answers. */
async function answered(
  to = CUSTOMER,
  changes: { maxDurationMs?: number; recordTo?: string } = {},
): Promise<AnsweredCall> {
  const { recordTo, ...others } = changes;
  const line = { carrier, organizationId: '01981f2e-9c1a-7b3e-8f7a-00000000000a', detectsAnswer: false, recordTo };
  const request = dialRequest(to, { ...others, line });
  const leg = await provider.dial(request);
  const reader = new LegReader(leg);
  await reader.until('answered');
  return { leg, reader, attemptId: request.attemptId };
}

/** The recorded states of the second calls of a leg. */
const statesOf = async (attemptId: string): Promise<string[]> => {
  const rows = await db.database.query<{ state: string }>(
    'select state from sip_legs where reference like $1 order by reference',
    [`${attemptId}-transfer-%`],
  );
  return rows.map(({ state }) => state);
};

describeWithPeers(['baresip', 'kamailio', 'openssl'], 'a bridge between two phones', () => {
  const CUSTOMER_SPEECH = speech(3, 11);
  const DESK_SPEECH = speech(3, 12);
  const AGENT_SPEECH = speech(30, 13);
  let customer: Baresip;
  let desk: Baresip;

  beforeEach(async () => {
    // Each phone repeats its speech: the moment of the connection is not known.
    customer = await Baresip.start('', repeated(CUSTOMER_SPEECH));
    desk = await Baresip.start('', repeated(DESK_SPEECH));
    const kamailio = await startKamailio({ answers: customer.sipPort, scripted: desk.sipPort });
    openProvider(kamailio.target);
  });

  const repeated = (words: Int16Array): Int16Array =>
    joined(...Array.from({ length: 8 }, () => joined(silence(1), words)));

  it('connects both phones without the agent, records the customer side, and ends with either', async () => {
    const recordTo = join(data.path, 'bridge.wav');
    const { leg, reader, attemptId } = await answered(CUSTOMER, { recordTo });
    leg.audio!.write(AGENT_SPEECH);
    expect(await leg.transfer(DESK, BRIDGE)).toEqual({ status: 'connected' });
    expect(await statesOf(attemptId)).toEqual(['answered']);
    await desk.hasRecorded(10);
    await customer.command('hangup');
    const signals = await reader.all;
    expect(typesOf(signals).slice(-2)).toEqual(['transferred', 'ended']);
    expect(signals.at(-2)).toMatchObject({ to: DESK, mode: 'bridge' });
    expect(endOf(signals)).toMatchObject({
      reason: 'call_transfer',
      by: 'customer',
      detail: expect.stringContaining(DESK),
    });
    expect(await statesOf(attemptId)).toEqual(['over']);
    const [theirs, ours] = await Promise.all([desk.recording(), customer.recording()]);
    expect(find(CUSTOMER_SPEECH, theirs.heard).correlation).toBeGreaterThanOrEqual(MIN_CORRELATION);
    expect(find(DESK_SPEECH, ours.heard).correlation).toBeGreaterThanOrEqual(MIN_CORRELATION);
    const [left, right] = parseWav(readFileSync(recordTo)).channels;
    expect(find(CUSTOMER_SPEECH, left).correlation).toBeGreaterThanOrEqual(MIN_CORRELATION);
    expect(find(DESK_SPEECH, right!).correlation).toBeGreaterThanOrEqual(MIN_CORRELATION);
    // The agent is cut off: neither phone receives the rest of its speech.
    const last = AGENT_SPEECH.subarray(-8_000);
    for (const heard of [theirs.heard, ours.heard]) expect(find(last, heard).correlation).toBeLessThan(0.5);
  });

  it('ends when the target hangs up', async () => {
    const { leg, reader } = await answered();
    await leg.transfer(DESK, BRIDGE);
    await desk.hasRecorded(1);
    await desk.command('hangup');
    const detail = `Transferred to ${DESK}, who hung up`;
    expect(endOf(await reader.all)).toMatchObject({ reason: 'call_transfer', by: 'operator', detail });
    await customer.recording();
  });

  it('ends with the maximum duration of the call, for both', async () => {
    const { leg, reader, attemptId } = await answered(CUSTOMER, { maxDurationMs: 3_000 });
    await leg.transfer(DESK, BRIDGE);
    expect(endOf(await reader.all)).toMatchObject({ reason: 'max_duration_reached', by: 'system' });
    await Promise.all([customer.recording(), desk.recording()]);
    expect(await statesOf(attemptId)).toEqual(['over']);
  });

  it('ends when the audio of the target is lost', async () => {
    await provider.close();
    provider = newProvider(1_000);
    const { leg, reader } = await answered();
    await leg.transfer(DESK, BRIDGE);
    desk.peer.freeze();
    const end = endOf(await reader.all);
    expect(end).toMatchObject({ reason: 'error_media_lost', detail: expect.stringContaining(DESK) });
    await customer.recording();
  });

  it('is ended for both phones by a process that takes it over', async () => {
    const { leg, attemptId } = await answered();
    await leg.transfer(DESK, BRIDGE);
    await desk.hasRecorded(1);
    const other = newProvider();
    const found = await other.find(attemptId);
    expect(found).toMatchObject({ status: 'ended' });
    await Promise.all([customer.recording(), desk.recording()]);
    await other.close();
    expect(await statesOf(attemptId)).toEqual(['over']);
  });
});

describeWithPeers(['baresip', 'kamailio', 'sipp', 'openssl'], 'a bridge to a target that cannot be reached', () => {
  const log = join(data.path, 'rings.log');
  let customer: Baresip;

  beforeEach(async () => {
    customer = await Baresip.start('', silence(60));
    const numbers = await startNumbers('udp', log);
    const kamailio = await startKamailio({ answers: customer.sipPort, scripted: numbers.target.port ?? 0 });
    openProvider(kamailio.target);
  });

  const phoneLog = (): string[] => readRings(log).map(({ what }) => what);
  /** Expects that the conversation goes on: the customer receives the agent's speech. */
  const expectConversation = async ({ leg, reader }: AnsweredCall): Promise<void> => {
    const apology = speech(2, 14);
    leg.audio!.write(apology);
    expect(await leg.audio!.mark()).toBe('played');
    await leg.hangup();
    const signals = await reader.all;
    expect(typesOf(signals)).not.toContain('transferred');
    expect(endOf(signals)).toMatchObject({ reason: 'agent_hangup' });
    expect(find(apology, (await customer.recording()).heard).correlation).toBeGreaterThanOrEqual(MIN_CORRELATION);
  };

  it.each([
    ['busy', '+15560000002', 'The line there is busy'],
    ['declined', '+15560000004', 'The call was declined there'],
    ['no number', '+15560000005', 'The number does not exist'],
  ])('is refused in words, and the conversation goes on: %s', async (_, number, detail) => {
    const line = await answered();
    expect(await line.leg.transfer(number, BRIDGE)).toEqual({ status: 'refused', detail });
    expect(await statesOf(line.attemptId)).toEqual(['over']);
    await expectConversation(line);
  });

  it('is not placed when the transfer is cancelled', async () => {
    const line = await answered();
    const result = await line.leg.transfer('+15560000003', { ...BRIDGE, signal: AbortSignal.abort() });
    expect(result).toMatchObject({ status: 'refused' });
    expect(phoneLog()).toEqual([]);
    await expectConversation(line);
  });

  it('is tried five times at most', async () => {
    const { leg } = await answered();
    for (let attempt = 1; attempt <= 5; attempt++) await leg.transfer('+15560000002', BRIDGE);
    const result = await leg.transfer('+15560000001', BRIDGE);
    expect(result).toEqual({ status: 'refused', detail: 'No more than 5 transfers can be tried in one call' });
    expect(phoneLog()).toEqual(['ring', 'ring', 'ring', 'ring', 'ring']);
  });
});

describeWithPeers(['sipp'], 'a bridge to a phone that only rings', () => {
  const log = join(data.path, 'ringing.log');
  const ANSWERS_AND_STAYS = '+15550000015';
  const ANSWERS_AND_LEAVES = '+15550000011';
  const RINGS = '+15550000003';

  beforeEach(async () => {
    openProvider((await startNumbers('udp', log)).target);
  });

  /** The log of the phones about the second call. */
  const phoneLog = (attemptId: string): string[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .flatMap((line) => new RegExp(`\\b(ring|cancelled|bye) ${attemptId}-transfer-1`).exec(line)?.[1] ?? []);
  const rings = (attemptId: string) =>
    eventually('ringing', () => Promise.resolve(phoneLog(attemptId).length === 1 || undefined));

  const expectConversation = async ({ leg, reader, attemptId }: AnsweredCall): Promise<void> => {
    expect(phoneLog(attemptId)).toEqual(['ring', 'cancelled']);
    expect(await statesOf(attemptId)).toEqual(['over']);
    leg.audio!.write(silence(0.1));
    expect(await leg.audio!.mark()).toBe('played');
    await leg.hangup();
    const signals = await reader.all;
    expect(typesOf(signals)).not.toContain('transferred');
    expect(endOf(signals)).toMatchObject({ reason: 'agent_hangup' });
  };

  it('ends with its ring timeout', async () => {
    const line = await answered(ANSWERS_AND_STAYS);
    const result = await line.leg.transfer(RINGS, { ...BRIDGE, ringTimeoutMs: 500 });
    expect(result).toEqual({ status: 'refused', detail: 'Nobody answers there' });
    await expectConversation(line);
  });

  it('is cancelled by the signal', async () => {
    const line = await answered(ANSWERS_AND_STAYS);
    const controller = new AbortController();
    const transfer = line.leg.transfer(RINGS, { ...BRIDGE, signal: controller.signal });
    await rings(line.attemptId);
    controller.abort();
    expect(await transfer).toEqual({ status: 'refused', detail: 'The transfer was given up' });
    await expectConversation(line);
  });

  it('is cancelled when the customer hangs up', async () => {
    const { leg, reader, attemptId } = await answered(ANSWERS_AND_LEAVES);
    expect(await leg.transfer(RINGS, BRIDGE)).toMatchObject({ status: 'refused' });
    expect(endOf(await reader.all)).toMatchObject({ reason: 'user_hangup', by: 'customer' });
    expect(phoneLog(attemptId)).toEqual(['ring', 'cancelled']);
    expect(await statesOf(attemptId)).toEqual(['over']);
  });

  it('is cancelled when the agent hangs up', async () => {
    const { leg, reader, attemptId } = await answered(ANSWERS_AND_STAYS);
    const transfer = leg.transfer(RINGS, BRIDGE);
    await rings(attemptId);
    await leg.hangup();
    expect(await transfer).toMatchObject({ status: 'refused' });
    expect(endOf(await reader.all)).toMatchObject({ reason: 'agent_hangup' });
    expect(phoneLog(attemptId)).toEqual(['ring', 'cancelled']);
  });
});

describeWithPeers(['sipp'], 'a REFER', () => {
  let phone: Phone;

  const referred = async (scenario: string, options = REFER) => {
    phone = await startSipp(scenario);
    openProvider(phone.target);
    const line = await answered();
    return { ...line, result: await line.leg.transfer(DESK, options) };
  };

  it.each(['refer_accept', 'refer_leave'])('transfers the customer: %s', async (scenario) => {
    const { result, reader } = await referred(scenario);
    expect(result).toEqual({ status: 'connected' });
    const signals = await reader.all;
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
  ])('fails, and the conversation goes on: %s', async (scenario, status, ringTimeoutMs) => {
    const { leg, result, reader } = await referred(scenario, { ...REFER, ringTimeoutMs });
    expect(result).toEqual({ status: 'refused', detail: `The far end does not transfer the call (SIP ${status})` });
    await leg.hangup();
    const signals = await reader.all;
    expect(typesOf(signals)).not.toContain('transferred');
    expect(endOf(signals)).toMatchObject({ reason: 'agent_hangup' });
    expect(await phone.peer.exited).toBe(0);
  });
});
