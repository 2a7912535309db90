import { type AgentsService } from '../../src/agents/agents.service.js';
import { type Config } from '../../src/config/config.js';
import { type CarriersForCalls } from '../../src/carriers/carriers-for-calls.js';
import { type ProviderAccountsService } from '../../src/provider-accounts/provider-accounts.service.js';
import { join } from 'node:path';
import { newConfiguration } from '../../src/agents/agent-changes.js';
import { type AgentForCalls } from '../../src/agents/agents.service.js';
import { type CallFacts } from '../../src/calls/call-events.js';
import { CallPreparation, type PreparationResult } from '../../src/sessions/preparation/call-preparation.js';
import { DailyUse } from '../../src/compliance/daily-use.js';
import { Recordings } from '../../src/recordings/recordings.js';
import { noticeTone } from '../../src/lib/audio/tones.js';
import { SessionPlanner } from '../../src/sessions/session-planner.js';
import { type Log } from '../../src/lib/platform/log.js';
import { newId } from '../../src/lib/platform/ids.js';
import { OutboundHttp } from '../../src/lib/platform/http-client/outbound-http.js';
import { SecretBox, SecretBoxError } from '../../src/lib/platform/secret-box.js';
import { DiallingPolicyEntity } from '../../src/compliance/dialling-policy.entity.js';
import { DiallingPolicyService } from '../../src/compliance/dialling-policy.service.js';
import { type SipCarrier } from '../../src/carriers/sip-carrier.js';
import { factsOf } from '../support/call-log.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { HttpDouble } from '../support/http-double.js';
import { pcmBytes, tone } from '../support/wav.js';

const CARRIER = { id: 'carrier', name: 'Acme', targets: [] } as unknown as SipCarrier;
const GREETING = Int16Array.of(1, 2, 3);
const AGENT: AgentForCalls = {
  ...newConfiguration('Test agent', {}),
  agentId: 'agent',
  version: 1,
  greetingAudio: GREETING,
};
const GUARD = new OutboundHttp({ allowNetworks: [], httpsOnly: false }).guard;
const PHONE = '+14155552671';

describe('preparing a live call', () => {
  let db: TestDatabase;
  let server: HttpDouble;
  let policy: DiallingPolicyService;
  let facts: CallFacts;

  beforeAll(async () => {
    db = await openTestDatabase();
    server = await HttpDouble.start();
    policy = new DiallingPolicyService(db.dataSource.getRepository(DiallingPolicyEntity), db.database);
  });

  afterAll(async () => {
    await server.close();
    await db.close();
  });

  beforeEach(async () => {
    const organization = newId();
    await db.database.query('insert into organizations (id, name) values ($1, $2)', [organization, 'Test']);
    facts = { ...factsOf(organization), environment: 'live', toNumber: PHONE };
    server.asked.length = 0;
    // The length of the speech identifies the text.
    server.answer = ({ body }, response) => {
      const { input } = JSON.parse(body.toString()) as { input: string };
      response.end(pcmBytes(new Int16Array(input.length * 3)));
    };
  });

  const silent = () => undefined;
  const log: Log = { error: silent, warn: silent, info: silent, debug: silent, flush: silent };
  const speech = () => ({ kind: 'openai', baseUrl: server.url, model: 'model', voice: 'alloy' });
  const secretBox = () => new SecretBox({ encryptionKey: Buffer.alloc(32), databaseUrl: undefined, dataDir: '/data' });
  const recordings = () => new Recordings({ dataDir: '/data', recordingsUrl: undefined });
  interface PreparationDeps {
    agents: Pick<AgentsService, 'forCalls'>;
    accounts: Pick<ProviderAccountsService, 'accountsFor'>;
    log: Log;
    config: Partial<Pick<Config, 'providers' | 'recordingNotice'>>;
    carriers: Pick<CarriersForCalls, 'carrierFor'>;
    policy: Pick<DiallingPolicyService, 'check'>;
    dailyUse: DailyUse;
  }
  const preparation = (
    agent: Partial<AgentForCalls> = {},
    { agents, accounts, log: ofLog, config, carriers, policy: ofTest, dailyUse }: Partial<PreparationDeps> = {},
  ) => {
    const planner = new SessionPlanner(
      agents ?? { forCalls: () => Promise.resolve({ ...AGENT, ...agent }) },
      accounts ?? { accountsFor: () => Promise.resolve(new Map()) },
      { guard: GUARD },
      secretBox(),
      ofLog ?? log,
      { providers: { speech: speech() }, recordingNotice: undefined, ...config },
    );
    return new CallPreparation(
      planner,
      carriers ?? { carrierFor: () => Promise.resolve(CARRIER) },
      ofTest ?? policy,
      dailyUse ?? new DailyUse(db.database, { callCostPerMinute: 0 }),
      recordings(),
    );
  };
  const prepare = (...given: Parameters<typeof preparation>) => preparation(...given).prepare(newId(), facts);
  const ready = async (...given: Parameters<typeof preparation>) => {
    const prepared = await prepare(...given);
    if (prepared.status !== 'ready' || !prepared.plan) throw new Error(JSON.stringify(prepared));
    return { ...prepared, plan: prepared.plan };
  };
  const scriptOf = async (...given: Parameters<typeof preparation>) => (await ready(...given)).plan.script;
  const commandOf = (prepared: PreparationResult) => (prepared.status === 'refused' ? prepared.command : undefined);
  const failure = (disconnectionReason: string, detail: unknown, retryable: boolean) => ({
    type: 'EndCall',
    at: expect.any(String),
    disconnectionReason,
    outcome: { sipCode: null, responsible: 'system', retryable, detail },
  });
  /** The synthesized texts. */
  const said = () => server.asked.map(({ body }) => (JSON.parse(body.toString()) as { input: string }).input);
  const dialled = async () => {
    const [row] = await db.database.query<{ n: number }>(
      'select count(*)::int as n from dialled_numbers where organization_id = $1',
      [facts.organizationId],
    );
    return row?.n;
  };

  describe('collects', () => {
    it('a carrier, the decision of the policy and the audio', async () => {
      const { screening, line, plan } = await ready();
      expect(screening).toEqual({ allowed: true, rule: null, detail: 'The dialling policy allows the call' });
      expect(line('claim')).toMatchObject({
        carrier: CARRIER,
        organizationId: facts.organizationId,
        detectsAnswer: true,
      });
      expect(plan.script).toEqual({
        notice: undefined,
        greeting: GREETING,
        message: undefined,
        onMachine: 'carry_on',
        listenMs: 30_000,
      });
      expect(await dialled()).toBe(1);
    });

    it('a recording file for each attempt, unless the agent does not record', async () => {
      const callId = newId();
      const prepared = await preparation().prepare(callId, facts);
      const folder = join('/data', 'recordings', 'incoming');
      const files = ['one', 'two'].map((claim) => prepared.status === 'ready' && prepared.line(claim).recordTo);
      expect(files).toEqual(['one', 'two'].map((claim) => join(folder, `${callId}.${claim}.wav`)));
      expect((await ready({ recordCalls: false })).line('one').recordTo).toBeUndefined();
    });

    it('the carrier of its number and the agent of its organization', async () => {
      const asked: unknown[][] = [];
      await ready(
        {},
        {
          carriers: { carrierFor: (...given) => (asked.push(given), Promise.resolve(CARRIER)) },
          agents: { forCalls: (...given) => (asked.push(given), Promise.resolve(AGENT)) },
        },
      );
      const { organizationId, fromNumber, agentId } = facts;
      expect(asked).toEqual([
        [organizationId, fromNumber],
        [organizationId, agentId],
      ]);
    });
  });

  describe('has audio', () => {
    it('of the agent instead of its first message', async () => {
      expect((await scriptOf({ firstMessage: 'Hello' })).greeting).toBe(GREETING);
      expect(said()).toEqual([]);
    });

    it('of the first message without audio of the agent, with variables filled in', async () => {
      facts = { ...facts, customerName: 'Ann', dynamicVariables: { company: 'Acme', n: 3 } };
      const firstMessage = 'Hello {{customerName}}, {{company}} has {{n}} {{things}}.';
      const { greeting } = await scriptOf({ firstMessage, greetingAudio: undefined });
      expect(said()).toEqual(['Hello Ann, Acme has 3 .']);
      expect(greeting).toHaveLength('Hello Ann, Acme has 3 .'.length);
    });

    it('with variables of the call before the name of the customer', async () => {
      facts = { ...facts, customerName: 'Ann', dynamicVariables: { customerName: 'Ms Ann' } };
      await scriptOf({ firstMessage: 'Hello {{customerName}}', greetingAudio: undefined });
      expect(said()).toEqual(['Hello Ms Ann']);
    });

    it.each([
      ['of the call', 'call', 'agent', 'call'],
      ['of the agent', undefined, 'agent', 'agent'],
      ['of the settings', undefined, null, 'alloy'],
    ])('in the voice %s', async (_, ofCall, ofAgent, voice) => {
      facts = { ...facts, voiceId: ofCall };
      await scriptOf({ voiceId: ofAgent, firstMessage: 'Hello', greetingAudio: undefined });
      expect(JSON.parse(String(server.asked[0]?.body))).toMatchObject({ voice });
    });

    it('of the voicemail message with onMachine leave_message', async () => {
      const agent = {
        onMachine: 'leave_message',
        voicemailMessage: 'Call back, {{customerName}}',
        listenSeconds: 0,
      } as const;
      facts = { ...facts, customerName: 'Ann' };
      expect(await scriptOf(agent)).toMatchObject({ onMachine: 'leave_message', listenMs: 0 });
      expect(said()).toEqual(['Call back, Ann']);
    });

    it.each([
      ['hang_up', 'Call back'],
      ['carry_on', 'Call back'],
      ['leave_message', null],
      ['leave_message', '{{nothing}}'],
    ] as const)('no message for machines with %s and %j', async (onMachine, voicemailMessage) => {
      expect((await scriptOf({ onMachine, voicemailMessage })).message).toBeUndefined();
      expect(said()).toEqual([]);
    });
  });

  describe('has its failure message presynthesized', () => {
    const speechToSpeech = { providers: { speechToSpeech: { providerId: 'one' } } };
    const account = { kind: 'openai', apiKey: 'key' } as const;
    const parts = { accounts: { accountsFor: () => Promise.resolve(new Map([['one', account]])) } };

    it('for a realtime model, with the text of the agent', async () => {
      facts = { ...facts, customerName: 'Ann' };
      const { plan } = await ready({ ...speechToSpeech, apology: 'Leider nicht, {{customerName}}.' }, parts);
      expect(said()).toEqual(['Leider nicht, Ann.']);
      expect(plan.apology).toHaveLength('Leider nicht, Ann.'.length);
      expect(plan.usage).toEqual([{ stage: 'speech', provider: 'openai/model', characters: 18 }]);
    });

    it('with the default text without one of the agent', async () => {
      await ready(speechToSpeech, parts);
      expect(said()).toEqual([expect.stringMatching(/^I am sorry/)]);
    });

    it('unless synthesis fails, and the call is still dialled', async () => {
      server.answer = (_, response) => response.writeHead(500).end();
      const warned: unknown[] = [];
      const warn = (...given: unknown[]) => void warned.push(given[1]);
      const { plan } = await ready(speechToSpeech, {
        ...parts,
        log: { error: silent, warn, info: silent, debug: silent, flush: silent },
      });
      expect(plan.apology).toBeUndefined();
      expect(plan.script.greeting).toBe(GREETING);
      expect(warned).toEqual(['failure message of an agent could not be synthesized; its call has none']);
      expect(await dialled()).toBe(1);
    });

    it('unless there is no speech synthesis', async () => {
      const { plan } = await ready(speechToSpeech, { ...parts, config: { providers: {} } });
      expect(plan.apology).toBeUndefined();
    });

    it('not for a cascade, which synthesizes it when needed', async () => {
      await ready({}, { config: { providers: { transcription: speech(), model: speech(), speech: speech() } } });
      expect(said()).toEqual([]);
    });
  });

  describe('has a recording notice', () => {
    it('as a tone', async () => {
      const { notice } = await scriptOf({}, { config: { recordingNotice: 'tone' } });
      expect(notice).toEqual(noticeTone());
    });

    it('as speech', async () => {
      const { notice } = await scriptOf({}, { config: { recordingNotice: 'This call is recorded.' } });
      expect(notice).toHaveLength('This call is recorded.'.length);
    });

    it.each(['tone', 'This call is recorded.'])(
      'not with %j when the agent does not record',
      async (recordingNotice) => {
        expect((await scriptOf({ recordCalls: false }, { config: { recordingNotice } })).notice).toBeUndefined();
        expect(said()).toEqual([]);
      },
    );

    it('as a tone of 1,400 Hz that fades in and out', () => {
      const pcm = noticeTone();
      const expected = Int16Array.from(tone(1_400, 8_000, 0.4, 6_000));
      expect(pcm).toHaveLength(expected.length);
      expect(pcm.subarray(200, 3_000)).toEqual(expected.subarray(200, 3_000));
      for (const edge of [pcm.subarray(0, 8), pcm.subarray(-8)])
        expect(Math.max(...edge.map(Math.abs))).toBeLessThan(600);
    });
  });

  describe('is not dialled', () => {
    it('without a carrier: the detail names the setting', async () => {
      const prepared = await prepare({}, { carriers: { carrierFor: () => Promise.resolve(undefined) } });
      const detail = expect.stringMatching(
        /^No carrier is configured for live calls from \+0987654321: .*POST \/v1\/carriers.*SIP_CARRIER/,
      );
      expect(commandOf(prepared)).toEqual(failure('telephony_provider_unavailable', detail, false));
      expect(await dialled()).toBe(0);
    });

    it("when the carrier's password cannot be decrypted", async () => {
      const error = new SecretBoxError('The password of the carrier Acme cannot be read');
      const prepared = await prepare({}, { carriers: { carrierFor: () => Promise.reject(error) } });
      expect(commandOf(prepared)).toEqual(failure('telephony_provider_unavailable', error.message, false));
      expect(await dialled()).toBe(0);
    });

    it.each(['model', 'speech', 'transcription'])(
      'when an account of the organization leads to a private address: for %s',
      async (stage) => {
        const account = { kind: 'openai', baseUrl: server.url } as const;
        const prepared = await prepare(
          { firstMessage: 'Hello', greetingAudio: undefined, providers: { [stage]: { providerId: 'one' } } },
          {
            accounts: { accountsFor: () => Promise.resolve(new Map([['one', account]])) },
            config: { providers: { transcription: speech(), model: speech(), speech: speech() } },
          },
        );
        const detail = expect.stringMatching(/^A provider of the agent cannot be used: .*is not a public address/);
        expect(commandOf(prepared)).toEqual(failure('dial_failed', detail, false));
        expect(server.asked).toEqual([]);
        expect(await dialled()).toBe(0);
      },
    );

    it('when the policy refuses, with its rule, and it does not count for the day', async () => {
      await policy.update(facts.organizationId, { refusedPrefixes: ['+1415'] });
      const prepared = await prepare({ firstMessage: 'Hello', greetingAudio: undefined });
      expect(commandOf(prepared)).toEqual({
        type: 'RefuseCall',
        at: expect.any(String),
        screening: { allowed: false, rule: 'refused_prefixes', detail: 'Numbers that begin with +1415 are refused' },
      });
      expect([await dialled(), said()]).toEqual([0, []]);
    });

    it('above the daily calls to a number: refused calls do not count', async () => {
      await policy.update(facts.organizationId, { maxCallsPerNumberPerDay: 1 });
      await ready();
      for (let n = 0; n < 2; n++)
        expect(commandOf(await prepare())).toMatchObject({
          type: 'RefuseCall',
          screening: { rule: 'calls_per_number', detail: '1 of 1 calls a day to this number have been made' },
        });
    });

    it('with a spend limit and without a price', async () => {
      await policy.update(facts.organizationId, { maxSpendPerDay: 5 });
      expect(commandOf(await prepare())).toMatchObject({ type: 'RefuseCall', screening: { rule: 'spend_per_day' } });
    });

    it.each([
      ['neither audio nor first message', { firstMessage: null }, true],
      ['a first message of which nothing is left', { firstMessage: ' {{nothing}} ' }, true],
      ['a first message, and no server to say it', { firstMessage: 'Hello' }, false],
    ])('with %s, and it does not count for the day', async (_, agent, hasSpeech) => {
      const parts = hasSpeech ? {} : { config: { providers: {} } };
      const prepared = await prepare({ ...agent, greetingAudio: undefined }, parts);
      const detail = expect.stringMatching(/^The agent has nothing to say: .*greeting-audio.*SPEECH_URL$/);
      expect(commandOf(prepared)).toEqual(failure('error_speech_provider', detail, false));
      expect([await dialled(), said()]).toEqual([0, []]);
    });

    it.each([
      ['the greeting', { firstMessage: 'Hello', greetingAudio: undefined }, undefined],
      ['the message for machines', { onMachine: 'leave_message', voicemailMessage: 'Call back' }, undefined],
      ['the notice', {}, 'This call is recorded.'],
    ] as const)('when the server does not say %s, and it does not count as made', async (_, agent, recordingNotice) => {
      server.answer = (_asked, response) => response.writeHead(500).end('internal secret');
      const prepared = await prepare(agent, { config: { recordingNotice } });
      const reason = 'The speech server does not say what the agent has to say; the call was not dialled';
      const otherwise = failure('error_speech_provider', reason, true);
      expect(prepared).toEqual({ status: 'postponed', reason, otherwise });
      expect(await dialled()).toBe(0);
    });

    it.each([
      ['the carrier', { carriers: { carrierFor: () => Promise.reject(new Error('down')) } }],
      ['the policy', { policy: { check: () => Promise.reject(new Error('down')) } }],
      ['the agent', { agents: { forCalls: () => Promise.reject(new Error('down')) } }],
    ])('when the database fails to load %s: it throws', async (_, parts) => {
      await expect(prepare({}, parts)).rejects.toThrow('down');
    });

    it('when the database fails to count: it throws', async () => {
      const dailyUse = new DailyUse(db.database, { callCostPerMinute: 0 });
      dailyUse.count = () => Promise.reject(new Error('down'));
      await expect(prepare({}, { dailyUse })).rejects.toThrow('down');
    });
  });

  it('counts a call once after a failed preparation', async () => {
    await policy.update(facts.organizationId, { maxCallsPerNumberPerDay: 1 });
    const callId = newId();
    const broken = preparation({}, { agents: { forCalls: () => Promise.reject(new Error('down')) } });
    await expect(broken.prepare(callId, facts)).rejects.toThrow('down');
    expect(await preparation().prepare(callId, facts)).toMatchObject({ status: 'ready' });
    expect(await dialled()).toBe(1);
  });
});
