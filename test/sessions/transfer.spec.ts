import { createLog } from '../../src/lib/platform/log.js';
import { type SipCarrier } from '../../src/carriers/sip-carrier.js';
import { SipTrunkProvider } from '../../src/telephony/sip-trunk/sip-trunk.provider.js';
import { VoicemailAwareSession } from '../../src/voice/voicemail-aware-session.js';
import { Conversation } from '../../src/voice/conversation/conversation.js';
import { CascadePipeline } from '../../src/voice/pipeline/cascade/cascade-pipeline.js';
import { type ConversationDeps } from '../../src/voice/conversation/conversation-deps.js';
import { type ConversationEvent } from '../../src/voice/conversation-events.js';
import { createLanguageModel, createTextToSpeech, createSpeechToText } from '../../src/voice/providers/providers.js';
import { transferCall } from '../../src/voice/tools/call-tools.js';
import { FakeVendors } from '../fakes/fake-vendors.js';
import { type LabRule } from '../fakes/chat.js';
import { find, joined, silence } from '../support/audio.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { dialRequest, endOf, LegReader, typesOf } from '../telephony/provider-expectations.js';
import { ScriptedProvider } from '../dialing/scripted-provider.js';
import { until, DialingHarness } from '../dialing/dialing-harness.js';
import { Baresip, BARESIP_NUMBER, describeWithPeers, startKamailio, stopPeers } from '../peers/peers.js';

const ALIKE = 0.95;
const DESK = '+15560000001';
const FROM = '+15559990000';
const GREETING = 'Hello, this is Ada. How can I help you?';
const WISH = 'May I speak with a person please';
const FAREWELL = 'One moment please, I connect you with the front desk.';
const STORY = 'I have lost my key and I need another one today';
const WELCOME = 'Front desk, good morning, what can I do for you';

const RULES: LabRule[] = [
  { when: /speak with a person/i, say: FAREWELL, calls: [{ name: 'transfer_call', arguments: { to: DESK } }] },
];

afterAll(stopPeers);

describeWithPeers(['baresip', 'kamailio', 'openssl'], 'an agent that connects a customer with a person', () => {
  let db: TestDatabase;
  let providers: FakeVendors;

  beforeAll(async () => {
    db = await openTestDatabase();
    providers = await FakeVendors.start({ rules: RULES });
  });

  afterAll(async () => {
    await providers.close();
    await db.close();
  });

  const said = (text: string): Promise<Int16Array> => providers.voices.sayOnLine(text);

  it('finishes its speech and leaves: customer and person are connected until one hangs up', async () => {
    const [wish, story, welcome] = await Promise.all([WISH, STORY, WELCOME].map(said));
    const again = (words: Int16Array): Int16Array[] => Array.from({ length: 8 }, () => joined(words, silence(2)));
    const customer = await Baresip.start('', joined(silence(6), wish!, silence(8), ...again(story!)));
    const desk = await Baresip.start('', joined(silence(1), ...again(welcome!)));
    const { target } = await startKamailio({ answers: customer.sipPort, scripted: desk.sipPort });
    const provider = providerFor(db, target.host, target.port ?? 0);
    const leg = await provider.sip.dial(dialRequest(BARESIP_NUMBER, { line: provider.line }));
    const reader = new LegReader(leg);
    await reader.until('answered');
    const told: ConversationEvent[] = [];
    const line = leg.audio!;
    const talk = new VoicemailAwareSession(line, new Conversation(line, partsFor(leg, told)), {
      onMachine: 'carry_on',
      message: undefined,
    });
    let over: unknown;
    talk.ended.then(
      (end) => (over = end),
      (error: unknown) => (over = error),
    );

    await reader.until('transferred');
    await desk.hasRecorded(14);
    await customer.command('hangup');
    const signals = await reader.all;
    await talk.stop();
    expect(typesOf(signals).slice(-2)).toEqual(['transferred', 'ended']);
    expect(endOf(signals)).toMatchObject({ reason: 'call_transfer', by: 'customer' });
    expect(over).toBeUndefined();
    const [ours, theirs] = await Promise.all([customer.recording(), desk.recording()]);
    for (const text of [GREETING, FAREWELL, WELCOME])
      expect([text, find(await said(text), ours.heard).correlation >= ALIKE]).toEqual([text, true]);
    expect(find(story!, theirs.heard).correlation).toBeGreaterThanOrEqual(ALIKE);
    expect(find(await said(FAREWELL), theirs.heard).correlation).toBeLessThan(0.5);
    expect(told.flatMap((event) => (event.type === 'turn' ? [[event.turn.text, event.turn.interrupted]] : []))).toEqual(
      [
        [GREETING, false],
        [WISH, false],
        [FAREWELL, false],
      ],
    );
    expect(told.flatMap((event) => (event.type === 'tool' ? [event.use] : []))).toMatchObject([
      { name: 'transfer_call', arguments: { to: DESK }, result: 'The customer is connected.', error: null },
    ]);
    await provider.sip.close();
  });

  const partsFor = (
    leg: Awaited<ReturnType<SipTrunkProvider['dial']>>,
    told: ConversationEvent[],
  ): ConversationDeps => {
    const setting = { kind: 'openai', baseUrl: providers.url, model: 'lab' } as const;
    const transfer = (to: string, signal: AbortSignal) =>
      leg.transfer(to, { mode: 'bridge', from: FROM, ringTimeoutMs: 20_000, signal });
    const stages = {
      speechToText: { primary: createSpeechToText(setting) },
      model: { primary: createLanguageModel(setting) },
      textToSpeech: { primary: createTextToSpeech({ ...setting, voice: 'ada' }) },
    };
    return {
      settings: { instructions: 'You are Ada.', firstMessage: { text: GREETING } },
      pipeline: (context) => new CascadePipeline(context, stages),
      tools: [transferCall([{ number: DESK, description: 'the front desk' }], { transfer })],
      emit: (event) => void told.push(event),
    };
  };
});

describe('a call that is transferred', () => {
  let harness: DialingHarness;

  beforeAll(async () => {
    harness = await DialingHarness.open();
  });

  afterAll(() => harness.close());

  it('has one transfer event before its end with `call_transfer`', async () => {
    const callId = await harness.call();
    const provider = new ScriptedProvider();
    await harness.worker(provider).admit();
    const transferred = { type: 'transferred', to: DESK, mode: 'bridge' } as const;
    provider.leg.signal({ type: 'answered' }).signal(transferred).signal(transferred);
    await until('transferred', async () => (await harness.types(callId)).includes('call.transferred'));
    const detail = `Transferred to ${DESK}, who hung up`;
    provider.leg.signal({ type: 'ended', reason: 'call_transfer', by: 'operator', sipCode: null, detail });
    expect(await harness.settled(callId, 'completed')).toMatchObject({
      disconnectionReason: 'call_transfer',
      outcome: { responsible: 'operator', retryable: false, sipCode: null, detail },
    });
    const types = ['call.queued', 'call.dialing', 'call.started', 'call.transferred', 'call.ended'];
    expect(await harness.types(callId)).toEqual(types);
    expect((await harness.timeline(callId))[3]?.data).toMatchObject({ to: DESK, mode: 'bridge' });
  });
});

function providerFor({ database }: TestDatabase, host: string, port: number) {
  const carrier: SipCarrier = {
    kind: 'sip',
    id: 'lab',
    name: 'Lab',
    targets: [{ host, port, transport: 'udp' }],
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
  const sip = new SipTrunkProvider(database, { find: () => Promise.resolve(carrier) }, createLog('silent'), {
    sip: { address: '127.0.0.1', port: 0, publicAddress: undefined, rtpPorts: undefined, mediaTimeoutMs: 60_000 },
  });
  return { sip, line: { carrier, organizationId: '01981f2e-9c1a-7b3e-8f7a-00000000000a', detectsAnswer: true } };
}
