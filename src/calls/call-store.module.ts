import { Module } from '@nestjs/common';
import { EventStore } from '../lib/event-store/index.js';
import { type Config } from '../config/config.js';
import { Database, Log, SecretBox, Notifications } from '../lib/platform/index.js';
import { CONFIG } from '../config/inject-config.js';
import { CallCommands } from './call-commands.js';
import { CALLS_PROJECTION } from './call-append.js';
import { Recordings } from '../recordings/index.js';

/** Appends to calls, decides about them and knows their recordings: what API and workers share. */
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
    {
      provide: Recordings,
      useFactory: (config: Config, secrets: SecretBox, log: Log) => new Recordings(config, secrets, log),
      inject: [CONFIG, SecretBox, Log],
    },
  ],
  exports: [EventStore, CallCommands, Recordings],
})
export class CallStoreModule {}
