import { type EventEmitter } from 'node:events';
import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import { Queue } from 'bullmq';
import { Subscription } from '../lib/event-store/index.js';
import { type Config } from '../config/config.js';
import {
  BackgroundService,
  Database,
  Log,
  Notifications,
  PeriodicTask,
  singleFlight,
  withTimeout,
} from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { DIAL_QUEUE } from './dial-job.js';
import { DialProcessor } from './dial.processor.js';
import { DialSubscription } from './dial.subscription.js';
import { CallLeases } from './call-leases.js';
import { Dispatcher } from './dispatcher.js';
import { rebuildJobs } from './rebuild-jobs.js';
import { TakeOver } from './take-over.js';

/** The producer or the consumer of jobs. */
type QueueEnd = EventEmitter & Pick<Queue, 'close'>;

const CLOSE_MS = 3_000;
/** Renewals and take-overs in the time of one lease. */
const ROUNDS_A_LEASE = 4;

/** Runs the dispatcher: notifications wake it, and polling finds what a lost notification left. */
@Injectable()
export class DialingWorker extends BackgroundService {
  constructor(
    dispatcher: Dispatcher,
    leases: CallLeases,
    takeOver: TakeOver,
    notifications: Notifications,
    processor: DialProcessor,
    @InjectQueue(DIAL_QUEUE) queue: Queue,
    @InjectConfig() config: Config,
    database: Database,
    log: Log,
  ) {
    const everyMs = config.leaseMs / ROUNDS_A_LEASE;
    const subscription = new Subscription(database, log, new DialSubscription(queue));
    const hangUpEnded = singleFlight(() => leases.hangUpEnded());
    const soon = (work: () => Promise<void>, failure: string) => () => {
      work().catch((error: unknown) => {
        log.error({ err: error }, failure);
      });
    };
    const admitSoon = soon(() => dispatcher.admit(), 'queued calls could not be admitted; the next round tries again');
    const hangUpSoon = soon(hangUpEnded, 'ended calls could not be hung up; the next round tries again');
    super({
      loops: [
        subscription,
        new PeriodicTask('admit calls', 500, () => dispatcher.admit(), log),
        new PeriodicTask('renew leases', everyMs, () => leases.renew(), log),
        new PeriodicTask('hang up ended calls', 1_000, () => leases.hangUpEnded(), log),
        new PeriodicTask('take over lost calls', everyMs, () => takeOver.takeOverCalls(), log),
        new PeriodicTask('rebuild dial jobs', 60_000, () => rebuildJobs(database, queue), log),
      ],
      listen: () => {
        logErrors([queue, processor.worker], log);
        return [
          notifications.on('call_events', () => {
            subscription.wake();
            hangUpSoon();
          }),
          notifications.on('call_slots', admitSoon),
        ];
      },
      close: async () => {
        await dispatcher.stop();
        await closeAll([processor.worker, queue], log);
      },
    });
  }
}

/** Without a listener BullMQ writes its errors to stderr, past the log. */
function logErrors(connections: readonly QueueEnd[], log: Log): void {
  for (const connection of connections)
    connection.on('error', (error: Error) => {
      log.warn({ err: error }, 'the queue is unreachable; calls are dialled by polling');
    });
}

/** Closes both ends of the queue before their connection, without which they would retry for ever. */
async function closeAll(connections: readonly QueueEnd[], log: Log): Promise<void> {
  for (const connection of connections)
    await withTimeout(CLOSE_MS, 'closing the queue', connection.close()).catch((error: unknown) => {
      log.warn({ err: error }, 'the queue could not be closed; no call is lost with it');
    });
}
