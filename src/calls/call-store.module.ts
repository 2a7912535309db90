import { Module } from '@nestjs/common';
import { CallCommands } from './call-commands.js';
import { CallStore } from './call-store.js';
import { RecordingLinks } from './recording-links.js';

/** What API and workers share: events of calls, decisions about them, links to their recordings. */
@Module({
  providers: [CallStore, CallCommands, RecordingLinks],
  exports: [CallStore, CallCommands, RecordingLinks],
})
export class CallStoreModule {}
