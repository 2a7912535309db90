import { Injectable } from '@nestjs/common';
import { type Config } from '../config/config.js';
import { BackgroundService, Log, PeriodicTask } from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { SipLegLedger } from '../telephony/index.js';
import { RecordingFinisher } from '../recordings/index.js';
import { DailyUse } from '../compliance/index.js';

/** Finishes recordings after crashes; deletes expired recordings, old SIP legs and past days of dialled numbers. */
@Injectable()
export class SessionMaintenanceWorker extends BackgroundService {
  constructor(
    recordings: RecordingFinisher,
    ledger: SipLegLedger,
    dailyUse: DailyUse,
    log: Log,
    @InjectConfig() { recordingRetentionDays: days }: Config,
  ) {
    super({
      loops: [
        new PeriodicTask('finish recordings', 5_000, () => recordings.sweep(), log),
        new PeriodicTask('purge SIP legs', 600_000, () => ledger.purge(), log),
        new PeriodicTask('purge dialled numbers', 600_000, () => dailyUse.purge(), log),
        ...(days > 0 ? [new PeriodicTask('delete old recordings', 600_000, () => recordings.expire(days), log)] : []),
      ],
      close: () => recordings.idle(),
    });
  }
}
