import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/index.js';
import { CallsModule, CallStoreModule } from '../calls/index.js';
import { RecordingFinisher } from './recording-finisher.js';
import { Recordings } from './recordings.js';
import { RecordingsController } from './recordings.controller.js';

@Module({
  imports: [CallStoreModule],
  providers: [Recordings, RecordingFinisher],
  exports: [Recordings, RecordingFinisher],
})
export class RecordingsModule {}

@Module({
  imports: [ApiKeysModule, CallsModule, CallStoreModule, RecordingsModule],
  controllers: [RecordingsController],
})
export class RecordingsApiModule {}
