import { Module } from '@nestjs/common';
import { EventStore } from '../lib/event-store/index.js';
import { Database, Notifications } from '../lib/platform/index.js';
import { CallCommands } from './call-commands.js';
import { CALLS_PROJECTION } from './call-append.js';
import { RecordingLinks } from './recording-links.js';

/** What API and workers share: appending to calls, deciding about them, links to their recordings. */
@Module({
  providers: [
    {
      provide: EventStore,
      useFactory: (database: Database, wakeups: Notifications) =>
        new EventStore(database, CALLS_PROJECTION, () => {
          wakeups.wake('call_events');
        }),
      inject: [Database, Notifications],
    },
    { provide: CallCommands, useFactory: (events: EventStore) => new CallCommands(events), inject: [EventStore] },
    RecordingLinks,
  ],
  exports: [EventStore, CallCommands, RecordingLinks],
})
export class CallStoreModule {}
