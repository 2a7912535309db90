import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Queue } from 'bullmq';
import { Subscription } from '../lib/event-store/index.js';
import { type Config } from '../config/config.js';
import { Database, Log, singleFlight, PeriodicTask, Notifications } from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { DIAL_QUEUE } from './dial-job.js';
import { DialProcessor } from './dial.processor.js';
import { DialSubscription } from './dial.subscription.js';
import { Dispatcher } from './dispatcher.js';
import { rebuildJobs } from './rebuild-jobs.js';
import { withTimeout } from './within.js';

const CLOSE_MS = 3_000;
/** In a quarter of a lease a worker renews its own and looks for those of others that have run out. */
const ROUNDS_A_LEASE = 4;

/** Runs the dispatcher: by wake-up where there is one, and by the clock where one got lost. */
@Injectable()
export class DialingWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly subscription: Subscription;
  private readonly tasks: PeriodicTask[];
  private readonly unsubscribe: (() => void)[] = [];
  private readonly admitSoon: () => void;
  private readonly hangUpSoon: () => void;

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly wakeups: Notifications,
    private readonly processor: DialProcessor,
    @InjectQueue(DIAL_QUEUE) private readonly queue: Queue,
    @InjectConfig() config: Config,
    database: Database,
    private readonly log: Log,
  ) {
    const everyMs = config.leaseMs / ROUNDS_A_LEASE;
    this.subscription = new Subscription(database, log, new DialSubscription(queue));
    this.tasks = [
      new PeriodicTask('admit calls', 500, () => dispatcher.admit(), log),
      new PeriodicTask('renew leases', everyMs, () => dispatcher.renew(), log),
      new PeriodicTask('hang up ended calls', 1_000, () => dispatcher.hangUpEnded(), log),
      new PeriodicTask('take over lost calls', everyMs, () => dispatcher.takeOver(), log),
      new PeriodicTask('rebuild dial jobs', 60_000, () => rebuildJobs(database, queue), log),
    ];
    const soon = (work: () => Promise<void>, failure: string) => () => {
      work().catch((error: unknown) => {
        log.error({ err: error }, failure);
      });
    };
    this.admitSoon = soon(() => dispatcher.admit(), 'admission failed; it is tried again soon');
    this.hangUpSoon = soon(
      singleFlight(() => dispatcher.hangUpEnded()),
      'ended calls could not be hung up; it is tried again soon',
    );
  }

  onApplicationBootstrap(): void {
    // Without a listener BullMQ writes its errors to stderr, past the log.
    const tell = (error: Error): void => {
      this.log.warn({ err: error }, 'the queue cannot be reached; calls are dialled without it');
    };
    this.queue.on('error', tell);
    this.processor.worker.on('error', tell);
    this.subscription.start();
    for (const task of this.tasks) task.start();
    this.unsubscribe.push(
      this.wakeups.on('call_events', () => {
        this.subscription.wake();
        this.hangUpSoon();
      }),
      this.wakeups.on('call_slots', this.admitSoon),
    );
  }

  async onModuleDestroy(): Promise<void> {
    for (const stop of this.unsubscribe) stop();
    await Promise.all([this.subscription.stop(), ...this.tasks.map((task) => task.stop())]);
    await this.dispatcher.stop();
    // Before their connection is closed, without which they would try again for ever.
    for (const part of [this.processor.worker, this.queue])
      await withTimeout(CLOSE_MS, 'closing the queue', part.close()).catch((error: unknown) => {
        this.log.warn({ err: error }, 'the queue could not be closed; nothing is lost with it');
      });
  }
}
