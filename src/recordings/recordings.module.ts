import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/index.js';
import { CallsModule, CallStoreModule } from '../calls/index.js';
import { Recordings } from './recordings.js';
import { RecordingsController } from './recordings.controller.js';

@Module({ providers: [Recordings], exports: [Recordings] })
export class RecordingsModule {}

@Module({
  imports: [ApiKeysModule, CallsModule, CallStoreModule, RecordingsModule],
  controllers: [RecordingsController],
})
export class RecordingsApiModule {}
