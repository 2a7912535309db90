import { randomUUID } from 'node:crypto';
import { type CallCommand } from '../../src/calls/call.js';
import { CALLS_PROJECTION } from '../../src/calls/call-append.js';
import { DailyUse } from '../../src/compliance/daily-use.js';
import { EventStore } from '../../src/lib/event-store/event-store.js';
import { newId } from '../../src/lib/platform/ids.js';
import { DiallingPolicyEntity } from '../../src/compliance/dialling-policy.entity.js';
import { DiallingPolicyService } from '../../src/compliance/dialling-policy.service.js';
import { execute, factsOf } from '../support/call-log.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

const PHONE = '+15551234567';
const OTHER_PHONE = '+15551234568';

describe('DailyUse', () => {
  let db: TestDatabase;
  let organization: string;

  beforeAll(async () => {
    db = await openTestDatabase();
  });

  afterAll(() => db.close());

  beforeEach(async () => {
    organization = newId();
    await db.database.query('insert into organizations (id, name) values ($1, $2)', [organization, 'Test']);
  });

  const use = (costPerMinute = 0) => new DailyUse(db.database, { callCostPerMinute: costPerMinute });
  const count = async (to = PHONE, callId = randomUUID(), of = organization) =>
    (await use().count(of, to, callId)).callsToNumberToday;

  describe('calls to one number', () => {
    it('are counted without the call itself', async () => {
      expect([await count(), await count(), await count()]).toEqual([0, 1, 2]);
    });

    it('are those of the organization to that number', async () => {
      await count();
      expect([await count(OTHER_PHONE), await count(PHONE, randomUUID(), newId())]).toEqual([0, 0]);
    });

    it('count once for a call that is prepared several times', async () => {
      const [first, second] = [randomUUID(), randomUUID()];
      expect([await count(PHONE, first), await count(PHONE, first)]).toEqual([0, 0]);
      expect([await count(PHONE, second), await count(PHONE, first), await count()]).toEqual([1, 1, 2]);
    });

    it('do not count after they are removed', async () => {
      const given = randomUUID();
      await count(PHONE, given);
      await count();
      await use().uncount(organization, PHONE, given);
      await use().uncount(organization, PHONE, given);
      expect(await count()).toBe(1);
    });

    it('do not count on the next day', async () => {
      await count();
      await db.database.query('update dialled_numbers set day = day - 1 where organization_id = $1', [organization]);
      expect(await count()).toBe(0);
    });

    it('are deleted after a day', async () => {
      const days = [-2, -1, 0, 1];
      for (const day of days)
        await db.database.query(
          `insert into dialled_numbers (organization_id, day, to_number, call_id)
           values ($1, (now() at time zone 'UTC')::date + $2::int, $3, $4)`,
          [organization, day, PHONE, randomUUID()],
        );
      await use().purge();
      const left = await db.database.query<{ ago: number }>(
        `select day - (now() at time zone 'UTC')::date as ago from dialled_numbers where organization_id = $1 order by 1`,
        [organization],
      );
      expect(left.map(({ ago }) => ago)).toEqual([-1, 0, 1]);
    });

    it('of fifty concurrent calls, each sees another number of others', async () => {
      const counts = await Promise.all(Array.from({ length: 50 }, () => count()));
      expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    });

    it.each([1, 3])('of fifty concurrent calls, exactly %d pass that limit', async (limit) => {
      const policy = new DiallingPolicyService(db.dataSource.getRepository(DiallingPolicyEntity), db.database);
      await policy.update(organization, { maxCallsPerNumberPerDay: limit });
      const decide = async () => {
        const callId = randomUUID();
        const counts = await use().count(organization, PHONE, callId);
        const { allowed, rule } = await policy.check(organization, PHONE, new Date(), counts);
        if (!allowed) await use().uncount(organization, PHONE, callId);
        return allowed ? 'allowed' : rule;
      };
      const decisions = await Promise.all(Array.from({ length: 50 }, decide));
      expect(decisions.filter((each) => each === 'allowed')).toHaveLength(limit);
      expect(decisions.filter((each) => each === 'calls_per_number')).toHaveLength(50 - limit);
      expect(await count()).toBe(limit);
    });
  });

  describe('spend', () => {
    const spent = async (costPerMinute: number) =>
      (await use(costPerMinute).count(organization, PHONE, randomUUID())).spentToday;
    /** Times of today and of yesterday. */
    const midnight = () => new Date().setUTCHours(0, 0, 0, 0);
    /** A call by its answer, in milliseconds after midnight, and its duration in seconds. */
    async function call(startsMs: number, seconds: number, facts: object = {}): Promise<void> {
      const at = (ms: number) => new Date(midnight() + ms).toISOString();
      const outcome = { sipCode: 200, responsible: 'customer', retryable: false, detail: null } as const;
      const life: CallCommand[] = [
        {
          type: 'QueueCall',
          at: at(startsMs),
          facts: { ...factsOf(organization), environment: 'live', ...facts },
        },
        { type: 'DialCall', at: at(startsMs), provider: 'sip', claim: 'claim' },
        { type: 'ReportAnswer', at: at(startsMs) },
        { type: 'EndCall', at: at(startsMs + seconds * 1_000), disconnectionReason: 'user_hangup', outcome },
      ];
      await execute(new EventStore(db.database, CALLS_PROJECTION), newId(), ...life);
    }

    it('is null without a price', async () => {
      await call(0, 60);
      expect(await spent(0)).toBeNull();
    });

    it('is zero before the first call', async () => {
      expect(await spent(0.5)).toBe(0);
    });

    it.each([
      [0, 1],
      [1, 1],
      [60, 1],
      [61, 2],
      [600, 10],
    ])('of a call of %d seconds is that of %d started minutes', async (seconds, minutes) => {
      await call(0, seconds);
      expect(await spent(0.25)).toBe(minutes * 0.25);
    });

    it('is that of the live calls of the organization that were answered today', async () => {
      await call(0, 30);
      await call(0, 90);
      await call(-1, 600);
      await call(0, 600, { environment: 'test' });
      await call(0, 600, { organizationId: newId() });
      expect(await spent(1)).toBe(3);
    });

    it('counts a call in progress up to now', async () => {
      const at = new Date().toISOString();
      const store = new EventStore(db.database, CALLS_PROJECTION);
      const facts = { ...factsOf(organization), environment: 'live' as const };
      const dialing = { type: 'DialCall', at, provider: 'sip', claim: 'claim' } as const;
      const id = newId();
      await execute(store, id, { type: 'QueueCall', at, facts }, dialing);
      expect(await spent(1)).toBe(0);
      await execute(store, id, { type: 'ReportAnswer', at });
      expect(await spent(1)).toBe(1);
    });

    it('has no more decimals than prices', async () => {
      for (let n = 0; n < 3; n++) await call(0, 60);
      expect(await spent(0.1)).toBe(0.3);
    });
  });
});
