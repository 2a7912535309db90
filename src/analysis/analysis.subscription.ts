import { type FeedEvent, type FeedReader } from '../lib/event-store/index.js';
import { ANALYSIS_READER, type AnalysisJobs } from './analysis-jobs.js';

/** Calls that ended longer ago are left as they are: the feed of an older version begins with its first call. */
const MAX_AGE_MS = 7 * 86_400_000;

/** Adds an analysis job for each answered call after its end. */
export class AnalysisSubscription implements FeedReader {
  readonly name = ANALYSIS_READER;

  constructor(
    private readonly jobs: AnalysisJobs,
    /** For what was said last to arrive. */
    private readonly settleMs: number,
  ) {}

  async handle(events: readonly FeedEvent[]): Promise<void> {
    const since = Date.now() - MAX_AGE_MS;
    const over = events.filter(({ type, data }) => {
      const { status, at } = data as { status?: string; at: string };
      return type === 'call.ended' && status === 'completed' && Date.parse(at) >= since;
    });
    if (over.length === 0) return;
    await this.jobs.add([...new Set(over.map(({ streamId }) => streamId))], this.settleMs);
  }
}
