import { ChaosHarness, type ChaosReport } from './chaos.js';

// The short form; `npm run chaos` sets the numbers of the long one. CHAOS_SEED repeats a run that failed.
const RUNS = Number(process.env['CHAOS_RUNS'] ?? 2);
const CALLS = Number(process.env['CHAOS_CALLS'] ?? 30);
const FIRST_SEED = Number(process.env['CHAOS_SEED'] ?? 1);

describe('calls while workers, the API and PostgreSQL are killed', () => {
  const harness = new ChaosHarness();
  beforeAll(() => harness.start());
  afterAll(() => harness.stop());

  it.each(Array.from({ length: RUNS }, (_, n) => FIRST_SEED + n))(
    'seed %i: every call ends, and is dialled once',
    async (seed) => {
      const report: ChaosReport = await harness.run({ seed, calls: CALLS, kills: 3 });
      process.stdout.write(`${JSON.stringify(report)}\n`);
      expect(report).toMatchObject({ lost: 0, dialledTwice: 0, withoutEnd: 0 });
    },
    120_000,
  );
});
