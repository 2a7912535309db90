import { verdictOf } from './retry-schedule.js';

const RETRY_MS = [5_000, 30_000, 120_000, 600_000, 1_800_000];

describe('what becomes of a delivery', () => {
  it.each([200, 201, 202, 204, 299])('%i delivers it', (status) => {
    expect(verdictOf({ status }, 1, RETRY_MS)).toEqual({ is: 'delivered' });
  });

  it.each([null, 100, 199, 300, 301, 302, 307, 308, 400, 401, 404, 409, 429, 500, 503])(
    '%p has it retried',
    (status) => {
      expect(verdictOf({ status }, 1, RETRY_MS)).toEqual({ is: 'pending', retryInMs: 5_000 });
    },
  );

  it('the waits are those of the contract, then it has failed', () => {
    const verdicts = [1, 2, 3, 4, 5, 6, 7].map((attempt) => verdictOf({ status: 500 }, attempt, RETRY_MS));
    expect(verdicts).toEqual([
      ...RETRY_MS.map((retryInMs) => ({ is: 'pending', retryInMs })),
      { is: 'failed', gone: false },
      { is: 'failed', gone: false },
    ]);
  });

  it('410 ends it at once', () => {
    expect(verdictOf({ status: 410 }, 1, RETRY_MS)).toEqual({ is: 'failed', gone: true });
  });

  it('success is success however late', () => {
    expect(verdictOf({ status: 200 }, 99, RETRY_MS)).toEqual({ is: 'delivered' });
  });
});
