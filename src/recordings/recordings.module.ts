import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/index.js';
import { CallsModule, CallStoreModule } from '../calls/index.js';
import { FinishRecordings } from './finish-recordings.js';
import { Recordings } from './recordings.js';
import { RecordingsController } from './recordings.controller.js';

@Module({
  imports: [CallStoreModule],
  providers: [Recordings, FinishRecordings],
  exports: [Recordings, FinishRecordings],
})
export class RecordingsModule {}

@Module({
  imports: [ApiKeysModule, CallsModule, CallStoreModule, RecordingsModule],
  controllers: [RecordingsController],
})
export class RecordingsApiModule {}
