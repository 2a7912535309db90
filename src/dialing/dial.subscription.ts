import { type Queue } from 'bullmq';
import { withTimeout } from '../lib/platform/index.js';
import { type FeedEvent, type FeedReader } from '../lib/event-store/index.js';
import { dialTaskId } from '../calls/index.js';
import { dialJob } from './dial-job.js';

/** A queue that cannot be reached waits for its server; the feed's transaction and the end of the process must not. */
const QUEUE_MS = 5_000;

/** Puts a job into the queue for each call that has got into the line, due when the call is; takes out cancelled ones. */
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
