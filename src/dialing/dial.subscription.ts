import { type Queue } from 'bullmq';
import { withTimeout } from '../lib/platform/index.js';
import { type FeedEvent, type FeedReader } from '../lib/event-store/index.js';
import { dialTaskId } from '../calls/index.js';
import { dialJob } from './dial-job.js';

/** A queue without a connection waits for it; the transaction of the feed and the end of the process must not. */
const QUEUE_MS = 5_000;

/** Adds a job for each queued or deferred call, due when the call is, and removes the jobs of cancelled calls. */
export class DialSubscription implements FeedReader {
  readonly name = 'dial';

  constructor(private readonly queue: Queue) {}

  async handle(events: readonly FeedEvent[]): Promise<void> {
    const jobs = events.flatMap(({ streamId, type, data, version }) => {
      if (type === 'call.queued') return [dialJob(streamId, version, (data as { scheduledAt?: string }).scheduledAt)];
      if (type === 'call.deferred') return [dialJob(streamId, version, (data as { notBefore: string }).notBefore)];
      return [];
    });
    if (jobs.length > 0) await withTimeout(QUEUE_MS, 'adding jobs', this.queue.addBulk(jobs));
    for (const { streamId, type, data } of events)
      if (type === 'call.ended' && (data as { status: string }).status === 'cancelled')
        await withTimeout(QUEUE_MS, 'removing a job', this.queue.remove(dialTaskId(streamId)));
  }
}
