import { createLog } from '../../src/lib/platform/log.js';
import { type SipCarrier } from '../../src/carriers/sip-carrier.js';
import { SipTrunkProvider } from '../../src/telephony/sip-trunk/sip-trunk.provider.js';
import { type SipRequest } from '../../src/lib/sip/message/sip-message.js';
import { type CallLeg, type TransferOptions } from '../../src/telephony/provider.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { dialRequest, endOf, readAll, LegReader, LONG_MS } from './provider-expectations.js';
import { ANSWER, UdpPhone } from '../lib/sip/udp-phone.js';

const CUSTOMER = '+15550000001';
const DESK = '+15560000001';
const BRIDGE: TransferOptions = { mode: 'bridge', from: '+15559990000', ringTimeoutMs: LONG_MS };

let db: TestDatabase;
let phone: UdpPhone;
let carrier: SipCarrier;
let provider: SipTrunkProvider;

beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

beforeEach(async () => {
  phone = await UdpPhone.start();
  const { host, port = 5060 } = phone.target;
  carrier = {
    kind: 'sip',
    id: 'lab',
    name: 'Lab',
    targets: [{ host, port, transport: 'udp' }],
    codecs: ['PCMU'],
    srtp: 'off',
    callerIdFormat: 'e164',
    numberFormat: 'e164',
    fromDomain: null,
    callsPerSecond: null,
    maxChannels: null,
    registration: false,
    verifyTls: true,
  };
  provider = new SipTrunkProvider(db.database, { find: () => Promise.resolve(carrier) }, createLog('silent'), {
    sip: { address: '127.0.0.1', port: 0, publicAddress: undefined, rtpPorts: undefined, mediaTimeoutMs: 60_000 },
  });
});
afterEach(async () => {
  await provider.close();
  phone.close();
});

const request = () => {
  const line = { carrier, organizationId: '01981f2e-9c1a-7b3e-8f7a-00000000000a', detectsAnswer: false };
  return dialRequest(CUSTOMER, { line });
};

interface AnsweredCall {
  leg: CallLeg;
  reader: LegReader;
  invite: SipRequest;
  attemptId: string;
}

/** Dials a customer that answers. */
async function answered(): Promise<AnsweredCall> {
  const dial = request();
  const leg = await provider.dial(dial);
  const reader = new LegReader(leg);
  const invite = await answers();
  await reader.until('answered');
  return { leg, reader, invite, attemptId: dial.attemptId };
}

/** Answers the next call of the phone. */
async function answers(): Promise<SipRequest> {
  const invite = await phone.request('INVITE');
  phone.respond(invite, 200, { sdp: ANSWER });
  await phone.request('ACK');
  return invite;
}

describe('a bridge', () => {
  it('ends for the customer when the target hangs up, while the database is blocked', async () => {
    const { leg, reader, attemptId } = await answered();
    const transfer = leg.transfer(DESK, BRIDGE);
    const second = await answers();
    expect(await transfer).toEqual({ status: 'connected' });
    await db.database.transaction(async (client) => {
      await client.query('select 1 from sip_legs where reference = $1 for update', [`${attemptId}-transfer-1`]);
      phone.ask(second, 'BYE', 1);
      const bye = await phone.request('BYE');
      expect(bye.headers.get('call-id')).toBe(attemptId);
      phone.respond(bye, 200);
    });
    expect(endOf(await reader.all)).toMatchObject({ reason: 'call_transfer', by: 'operator' });
  });
});

describe('a REFER', () => {
  const REFER: TransferOptions = { ...BRIDGE, mode: 'refer' };

  it('counts when the far end hangs up after the timeout', async () => {
    const { leg, reader, invite } = await answered();
    const transfer = leg.transfer(DESK, { ...REFER, ringTimeoutMs: 50 });
    phone.respond(await phone.request('REFER'), 202);
    expect(await transfer).toMatchObject({ status: 'refused' });
    phone.ask(invite, 'BYE', 1);
    expect(endOf(await reader.all)).toMatchObject({ reason: 'call_transfer' });
  });

  it('is not sent when the transfer is cancelled', async () => {
    const { leg, reader, invite } = await answered();
    const result = await leg.transfer(DESK, { ...REFER, signal: AbortSignal.abort() });
    expect(result).toEqual({ status: 'refused', detail: 'The transfer was given up' });
    phone.ask(invite, 'BYE', 1);
    expect(endOf(await reader.all)).toMatchObject({ reason: 'user_hangup' });
    expect(phone.count('REFER')).toBe(0);
  });
});

it('sends no INVITE when the provider closes first', async () => {
  const dialled = provider.dial(request());
  await provider.close();
  expect(endOf(await readAll(await dialled))).toMatchObject({ reason: 'telephony_provider_unavailable', by: 'system' });
  expect(phone.count('INVITE')).toBe(0);
});
