import { type FeedEvent, type FeedReader } from '../lib/event-store/index.js';
import { type DeliveryJobs, type DeliverableEvent } from './delivery-jobs.js';

/** Adds the deliveries for each event of the feed. */
export class WebhookSubscription implements FeedReader {
  readonly name = 'webhooks';

  constructor(
    private readonly jobs: Pick<DeliveryJobs, 'add'>,
    private readonly options: {
      /** Longest delay of `call.ended` for the analysis; 0 without analysis. Milliseconds. */
      analysisWaitMs: number;
      /** Called after new deliveries. */
      wake: () => void;
    },
  ) {}

  async handle(events: readonly FeedEvent[]): Promise<void> {
    if ((await this.jobs.add(events.map((event) => this.deliverable(event)))) > 0) this.options.wake();
  }

  private deliverable({ streamId, version, type, data }: FeedEvent): DeliverableEvent {
    const mayBeAnalyzed = type === 'call.ended' && (data as { status: string }).status === 'completed';
    return { callId: streamId, version, type, waitMs: mayBeAnalyzed ? this.options.analysisWaitMs : 0 };
  }
}
