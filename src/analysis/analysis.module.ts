import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/index.js';
import { CallStoreModule } from '../calls/index.js';
import { AnalysisWorker } from './analysis.worker.js';

@Module({ imports: [AgentsModule, CallStoreModule], providers: [AnalysisWorker] })
export class AnalysisModule {}
