import { join } from 'node:path';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { silence, speech } from '../support/audio.js';
import { eventually, temporaryFolder } from '../support/process.js';
import { readRings, startNumbers } from '../lib/sip/numbers-phone.js';
import { Baresip, describeWithPeers, freePort, type Phone, PHONES, startKamailio, stopPeers } from '../peers/peers.js';
import { type TestCaller, SipHarness } from './sip-harness.js';

/** Behaviour of the phones: lab/sipp/numbers.xml. */
const number = (behaviour: string): string => `+155500000${behaviour}`;
const STAYS = number('01');
const RINGS_FOREVER = number('03');
const CARRIER_FULL = number('08');
const LEAVES = number('11');
const ANSWERS_AT_ONCE = number('15');

const NOT_REACHED = {
  status: 'failed',
  startedAt: null,
  duration: 0,
  recording: null,
  quality: null,
  answeredBy: null,
};
const REFUSALS: [
  code: string,
  behaviour: string,
  reason: string,
  sipCode: number,
  responsible: string,
  again: boolean,
][] = [
  ['486', '02', 'dial_busy', 486, 'customer', true],
  ['600', '22', 'dial_busy', 600, 'customer', true],
  ['480 with the cause of a busy phone', '27', 'dial_busy', 480, 'customer', true],
  ['480 with the cause of no answer', '12', 'dial_no_answer', 480, 'carrier', true],
  ['603', '04', 'user_declined', 603, 'customer', false],
  ['603 by the network', '13', 'carrier_blocked', 603, 'carrier', false],
  ['404', '05', 'invalid_destination', 404, 'carrier', false],
  ['484', '24', 'invalid_destination', 484, 'carrier', false],
  ['604', '25', 'invalid_destination', 604, 'carrier', false],
  ['401', '29', 'telephony_provider_permission_denied', 401, 'carrier', false],
  ['403', '14', 'telephony_provider_permission_denied', 403, 'carrier', false],
  ['488', '28', 'dial_failed', 488, 'carrier', true],
  ['500', '26', 'telephony_provider_unavailable', 500, 'carrier', true],
  ['503', '07', 'telephony_provider_unavailable', 503, 'carrier', true],
];

const folder = temporaryFolder();

afterAll(async () => {
  await stopPeers();
  folder.remove();
});

describe.each(['udp', 'tcp'] as const)('over %s', (transport) => {
  describeWithPeers(['sipp'], 'how a live call ends', () => {
    const log = join(folder.path, `${transport}.log`);
    let harness: SipHarness;
    let phones: Phone;
    let caller: TestCaller;

    beforeAll(async () => {
      phones = await startNumbers(transport, log);
      harness = await SipHarness.start();
      caller = await harness.caller({ target: phones.target, agent: { listenSeconds: 60 } });
    });

    afterAll(() => harness.close());

    /** The log of the phone of a call's last attempt. */
    const toldOf = async (id: string): Promise<string[]> => {
      const dialed = (await harness.events(caller, id)).filter(({ type }) => type === 'call.dialing').at(-1);
      return readRings(log)
        .filter(({ callId }) => callId === dialed?.data.claim)
        .map(({ what }) => what);
    };

    const phoneSays = (id: string, ...what: string[]): Promise<true> =>
      eventually(`a phone that says ${what.join(', ')}`, async () =>
        (await toldOf(id)).join() === what.join() ? true : undefined,
      );

    it.each(REFUSALS)('%s', async (_code, behaviour, reason, sipCode, responsible, retryable) => {
      const call = await harness.outcomeOf(caller, number(behaviour));
      expect(call).toMatchObject({
        ...NOT_REACHED,
        disconnectionReason: reason,
        outcome: { sipCode, responsible, retryable },
      });
      expect(await toldOf(call.id)).toEqual(['ring']);
    });

    it('the dialling policy refuses: nothing is sent', async () => {
      await harness.request(caller, 'POST', '/v1/suppressions', {
        phoneNumber: '+15550009901',
        reason: 'Asked not to be called',
      });
      const rings = readRings(log).length;
      const call = await harness.outcomeOf(caller, '+15550009901');
      expect(call).toMatchObject({ ...NOT_REACHED, outcome: { responsible: 'system', sipCode: null } });
      const events = await harness.events(caller, call.id);
      expect(events.map(({ type }) => type)).toEqual(['call.queued', 'call.screened', 'call.ended']);
      expect(events[1]?.data).toMatchObject({ allowed: false, rule: 'suppression' });
      // A later call arrives, so that an earlier one would have been logged.
      const next = await harness.outcomeOf(caller, number('02'));
      expect(readRings(log)).toHaveLength(rings + 1);
      expect(await toldOf(next.id)).toEqual(['ring']);
    });

    it('503 with Retry-After: waits in the queue, and the attempt does not count', async () => {
      const id = await harness.dial(caller, CARRIER_FULL);
      const deferred = await harness.until(caller, id, 'call.deferred');
      expect(deferred.data.reason).toBe('Maximum Calls Reached');
      expect(Date.parse(deferred.data.notBefore)).toBeGreaterThan(Date.parse(deferred.occurredAt));
      await harness.request(caller, 'POST', `/v1/calls/${id}/cancel`);
      expect(await harness.ended(caller, id)).toMatchObject({ status: 'cancelled', disconnectionReason: 'cancelled' });
      const attempts = (await harness.events(caller, id)).filter(({ type }) => type === 'call.dialing');
      for (const { data } of attempts) expect(data.attempt).toBe(1);
    });

    it('the person hangs up', async () => {
      const call = await harness.outcomeOf(caller, LEAVES);
      expect(call).toMatchObject({
        status: 'completed',
        disconnectionReason: 'user_hangup',
        outcome: { responsible: 'customer', sipCode: null, retryable: false },
      });
      expect(await toldOf(call.id)).toEqual(['ring', 'left']);
    });

    it('the agent hangs up', async () => {
      const short = await harness.caller({ target: phones.target, agent: { listenSeconds: 0 } });
      const call = await harness.outcomeOf(short, ANSWERS_AT_ONCE);
      expect(call).toMatchObject({
        status: 'completed',
        disconnectionReason: 'agent_hangup',
        outcome: { responsible: 'agent', sipCode: null, retryable: false },
      });
    });

    it('an operator hangs up', async () => {
      const id = await harness.dial(caller, ANSWERS_AT_ONCE);
      await harness.until(caller, id, 'call.started');
      await harness.request(caller, 'POST', `/v1/calls/${id}/hangup`);
      expect(await harness.ended(caller, id)).toMatchObject({
        status: 'completed',
        disconnectionReason: 'manual_stopped',
        outcome: { responsible: 'operator', retryable: false },
      });
      await phoneSays(id, 'ring', 'bye');
    });

    it('an operator cancels while it rings: the phone stops', async () => {
      const id = await harness.dial(caller, RINGS_FOREVER);
      await harness.until(caller, id, 'call.ringing');
      await harness.request(caller, 'POST', `/v1/calls/${id}/cancel`);
      expect(await harness.ended(caller, id)).toMatchObject({
        ...NOT_REACHED,
        status: 'cancelled',
        disconnectionReason: 'cancelled',
      });
      await phoneSays(id, 'ring', 'cancelled');
    });
  });
});

describeWithPeers(['sipp'], 'how a live call ends at its limits', () => {
  const log = join(folder.path, 'limits.log');
  let harness: SipHarness;
  let phones: Phone;
  let caller: TestCaller;

  beforeAll(async () => {
    phones = await startNumbers('udp', log);
    harness = await SipHarness.start({ ringTimeoutMs: 2_500, maxCallDurationMs: 2_000 });
    caller = await harness.caller({ target: phones.target });
  });

  afterAll(() => harness.close());

  it('no answer', async () => {
    const call = await harness.outcomeOf(caller, RINGS_FOREVER);
    expect(call).toMatchObject({
      ...NOT_REACHED,
      disconnectionReason: 'dial_no_answer',
      outcome: { responsible: 'system', retryable: true },
    });
    expect([408, 487]).toContain(call.outcome.sipCode);
    await eventually('a phone that has stopped', () =>
      Promise.resolve(readRings(log).find(({ what }) => what === 'cancelled')),
    );
  });

  it('maximum duration', async () => {
    const call = await harness.outcomeOf(caller, ANSWERS_AT_ONCE);
    expect(call).toMatchObject({
      status: 'completed',
      disconnectionReason: 'max_duration_reached',
      outcome: { responsible: 'system', retryable: false },
    });
    expect(call.duration).toBeGreaterThanOrEqual(2);
  });
});

describeWithPeers(['baresip', 'sipp', 'openssl'], 'a live call whose far end goes silent', () => {
  let harness: SipHarness;

  beforeAll(async () => {
    harness = await SipHarness.start({ sip: { mediaTimeoutMs: 2_000 } });
  });

  afterAll(() => harness.close());

  it('ends with error_media_lost', async () => {
    const phone = await Baresip.start('', speech(1, 3));
    const caller = await harness.caller({ target: phone.target('udp') });
    const id = await harness.dial(caller, STAYS);
    await phone.hasRecorded(1);
    phone.peer.freeze();
    const ended = await harness.until(caller, id, 'call.ended');
    phone.peer.thaw();
    expect(ended.data).toMatchObject({
      status: 'completed',
      disconnectionReason: 'error_media_lost',
      outcome: { responsible: 'carrier', retryable: true },
    });
    const call = await harness.ended(caller, id);
    expect(call.quality.packetsReceived).toBeGreaterThan(0);
    // The far end still gets the BYE.
    await phone.recording();
  });

  it('ends with error_no_audio_received when it has never sent audio', async () => {
    const { target } = await startNumbers('udp', join(folder.path, 'silent.log'));
    const caller = await harness.caller({ target, greeting: silence(1) });
    expect(await harness.outcomeOf(caller, ANSWERS_AT_ONCE)).toMatchObject({
      status: 'completed',
      disconnectionReason: 'error_no_audio_received',
      outcome: { responsible: 'carrier', retryable: true },
      quality: { packetsReceived: 0 },
    });
  });
});

describeWithPeers(['kamailio'], 'a live call that its carrier refuses', () => {
  let harness: SipHarness;
  let carrier: Phone;

  beforeAll(async () => {
    carrier = await startKamailio({});
    // A carrier times out after a second and a half.
    harness = await SipHarness.start({ sip: { timers: { t1Ms: 25 } } });
  });

  afterAll(() => harness.close());

  const permission = { disconnectionReason: 'telephony_provider_permission_denied', ...NOT_REACHED };

  it('with a wrong password', async () => {
    const caller = await harness.caller({ target: carrier.target, carrier: { username: 'alice', password: 'wrong' } });
    expect(await harness.outcomeOf(caller, STAYS)).toMatchObject({ ...permission, outcome: { sipCode: 407 } });
  });

  it('without any', async () => {
    const caller = await harness.caller({ target: carrier.target });
    expect(await harness.outcomeOf(caller, STAYS)).toMatchObject({ ...permission, outcome: { sipCode: 407 } });
  });

  it('to an unserved destination', async () => {
    const caller = await harness.caller({ target: carrier.target, carrier: { username: 'alice', password: 's3cret' } });
    const call = await harness.outcomeOf(caller, '+441234567890');
    expect(call).toMatchObject({
      ...NOT_REACHED,
      disconnectionReason: 'invalid_destination',
      outcome: { sipCode: 404 },
    });
  });

  it.each(['udp', 'tcp'] as const)('on a closed port, over %s', async (transport) => {
    const port = await freePort(PHONES);
    const caller = await harness.caller({ target: { host: PHONES, port, transport } });
    expect(await harness.outcomeOf(caller, STAYS)).toMatchObject({
      ...NOT_REACHED,
      disconnectionReason: 'telephony_provider_unavailable',
      outcome: { responsible: 'carrier', retryable: true, sipCode: null },
    });
  });

  it('that never replies', async () => {
    const socket = createSocket('udp4').bind(0, PHONES);
    await once(socket, 'listening');
    const { port } = socket.address();
    const caller = await harness.caller({ target: { host: PHONES, port, transport: 'udp' } });
    expect(await harness.outcomeOf(caller, STAYS)).toMatchObject({
      ...NOT_REACHED,
      disconnectionReason: 'telephony_provider_unavailable',
      outcome: { responsible: 'carrier', retryable: true, sipCode: null },
    });
    socket.close();
  });
});
