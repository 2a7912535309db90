import { Injectable } from '@nestjs/common';
import { EventStore } from '../lib/event-store/index.js';
import { Database, Notifications } from '../lib/platform/index.js';
import { CALLS_PROJECTION } from './call-append.js';

/** The events of calls. Every append updates the read model and wakes the readers of the feed. */
@Injectable()
export class CallStore extends EventStore {
  constructor(database: Database, notifications: Notifications) {
    super(database, CALLS_PROJECTION, () => {
      notifications.wake('call_events');
    });
  }
}
