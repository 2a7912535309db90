import { Processor, WorkerHost } from '@nestjs/bullmq';
import { DIAL_QUEUE } from './dial-job.js';
import { Dispatcher } from './dispatcher.js';

/** Admits waiting calls when a job says that one is due. */
@Processor(DIAL_QUEUE, { concurrency: 50, runRetryDelay: 500, removeOnComplete: { count: 0 } })
export class DialProcessor extends WorkerHost {
  constructor(private readonly dispatcher: Dispatcher) {
    super();
  }

  async process(): Promise<void> {
    await this.dispatcher.admit();
  }
}
