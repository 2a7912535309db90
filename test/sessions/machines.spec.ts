import { beep, find, joined, samplesOf, silence, speech } from '../support/audio.js';
import { Baresip, BARESIP_NUMBER, describeWithPeers, stopPeers } from '../peers/peers.js';
import { type TestCaller, SipHarness } from './sip-harness.js';

/** Audio of an answering machine: longer than a person's greeting, then a beep. */
const EXPLANATION = speech(3.2, 4);
const BEEP = beep();
const MACHINE = joined(silence(0.3), EXPLANATION, silence(0.3), BEEP);
/** Longer than the detection of a machine. */
const GREETING = speech(4, 5);
const ALIKE = 0.99;

afterAll(stopPeers);

describeWithPeers(['baresip', 'openssl'], 'a live call that a machine answers', () => {
  let harness: SipHarness;
  let machine: Baresip;

  beforeAll(async () => {
    machine = await Baresip.start('', MACHINE);
    harness = await SipHarness.start();
  });

  afterAll(() => harness.close());

  const caller = (onMachine: string, greeting = GREETING): Promise<TestCaller> =>
    harness.caller({ target: machine.target('udp'), agent: { onMachine, listenSeconds: 1 }, greeting });

  const recorded = async (from: TestCaller) => {
    const id = await harness.dial(from, BARESIP_NUMBER);
    await harness.until(from, id, 'call.recorded');
    const call = await harness.call(from, id);
    return { call, sound: await harness.play(call.recording), phone: await machine.recording() };
  };

  it('hangs up with onMachine hang_up', async () => {
    const endless = speech(20, 6);
    const { call, sound } = await recorded(await caller('hang_up', endless));
    expect(call).toMatchObject({
      status: 'completed',
      disconnectionReason: 'voicemail_reached',
      answeredBy: { by: 'machine', reason: 'long_greeting' },
      outcome: { detail: 'A machine answered', retryable: true },
    });
    // While both speak.
    expect(sound.agent.length).toBeLessThan(endless.length);
  });

  it('leaves a message after the beep', async () => {
    const from = await caller('leave_message');
    const { call, sound, phone } = await recorded(from);
    expect(call).toMatchObject({
      status: 'completed',
      disconnectionReason: 'voicemail_reached',
      answeredBy: { by: 'machine', reason: 'beep' },
      outcome: { detail: 'A message was left after the beep' },
    });
    const answeredBy = (await harness.events(from, call.id)).filter(({ type }) => type === 'call.answered_by');
    expect(answeredBy.map(({ data }) => data.reason)).toEqual(['long_greeting', 'beep']);
    const explained = find(EXPLANATION, sound.customer);
    const beepOverAt = explained.at + EXPLANATION.length + samplesOf(0.3) + BEEP.length;
    // The message starts after the beep; the greeting for a person was stopped.
    const left = find(GREETING, sound.agent.subarray(beepOverAt));
    const onTape = find(GREETING, phone.heard.subarray(GREETING.length));
    if (process.env['SHOW_SOUND']) process.stderr.write(`${JSON.stringify([explained, left, onTape])}\n`);
    for (const { correlation } of [explained, left, onTape]) expect(correlation).toBeGreaterThanOrEqual(ALIKE);
    expect(left.at).toBeGreaterThanOrEqual(0);
  });

  it('continues like with a person with onMachine carry_on', async () => {
    const { call, phone } = await recorded(await caller('carry_on'));
    expect(call).toMatchObject({
      status: 'completed',
      disconnectionReason: 'agent_hangup',
      answeredBy: { by: 'machine' },
    });
    expect(find(GREETING, phone.heard).correlation).toBeGreaterThanOrEqual(ALIKE);
  });
});
