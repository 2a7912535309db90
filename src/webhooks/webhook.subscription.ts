import { type FeedEvent, type FeedReader } from '../lib/event-store/index.js';
import { type DeliveryJobs, type DeliverableEvent } from './delivery-jobs.js';

/** Notes for each event whom it is to be told to. */
export class WebhookSubscription implements FeedReader {
  readonly name = 'webhooks';

  constructor(
    private readonly jobs: Pick<DeliveryJobs, 'add'>,
    private readonly options: {
      /** How long the end of a call waits for its analysis; 0 where nobody analyzes. */
      analysisWaitMs: number;
      /** Called when there is something to deliver. */
      wake: () => void;
    },
  ) {}

  async handle(events: readonly FeedEvent[]): Promise<void> {
    if ((await this.jobs.add(events.map((event) => this.toTell(event)))) > 0) this.options.wake();
  }

  private toTell({ streamId, version, type, data }: FeedEvent): DeliverableEvent {
    const mayBeAnalyzed = type === 'call.ended' && (data as { status: string }).status === 'completed';
    return { callId: streamId, version, type, waitMs: mayBeAnalyzed ? this.options.analysisWaitMs : 0 };
  }
}
