import { Module } from '@nestjs/common';
import { EventStore } from '../event-store/index.js';
import { Database, Wakeups } from '../platform/index.js';
import { CallExecutor } from './call-executor.js';
import { CALLS_PROJECTION } from './calls.projection.js';

/** Appends to calls and decides about them: what API and workers share. */
@Module({
  providers: [
    {
      provide: EventStore,
      useFactory: (database: Database, wakeups: Wakeups) =>
        new EventStore(database, CALLS_PROJECTION, () => {
          wakeups.wake('call_events');
        }),
      inject: [Database, Wakeups],
    },
    { provide: CallExecutor, useFactory: (events: EventStore) => new CallExecutor(events), inject: [EventStore] },
  ],
  exports: [EventStore, CallExecutor],
})
export class CallStoreModule {}
