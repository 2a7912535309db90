import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/index.js';
import { CarriersModule } from '../carriers/index.js';
import { ComplianceModule } from '../compliance/index.js';
import { RecordingsModule } from '../recordings/index.js';
import { TelephonyModule } from '../telephony/index.js';
import { CallPreparation } from './preparation/call-preparation.js';
import { SessionMaintenanceWorker } from './session-maintenance.worker.js';
import { SessionPlanner } from './session-planner.js';
import { Sessions } from './sessions.js';

/** Agents on open legs, however the leg came about. Loaded by workers only. */
@Module({
  imports: [AgentsModule, CarriersModule, ComplianceModule, RecordingsModule, TelephonyModule],
  providers: [SessionPlanner, CallPreparation, Sessions, SessionMaintenanceWorker],
  exports: [Sessions],
})
export class SessionsModule {}
