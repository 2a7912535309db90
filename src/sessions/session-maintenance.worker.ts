import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { type Config } from '../config/config.js';
import { Log, PeriodicTask } from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { SipLegLedger } from '../telephony/index.js';
import { FinishRecordings } from '../recordings/index.js';
import { DailyUse } from '../compliance/index.js';

/** Keeps what live calls leave behind: finishes recordings that a crash left, deletes old ones, forgets old legs. */
@Injectable()
export class SessionMaintenanceWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly tasks: PeriodicTask[];

  constructor(
    private readonly finishing: FinishRecordings,
    ledger: SipLegLedger,
    dailyUse: DailyUse,
    log: Log,
    @InjectConfig() config: Config,
  ) {
    const days = config.recordingRetentionDays;
    this.tasks = [
      new PeriodicTask('finish recordings', 5_000, () => finishing.sweep(), log),
      new PeriodicTask('purge SIP legs', 600_000, () => ledger.purge(), log),
      new PeriodicTask('purge dialled numbers', 600_000, () => dailyUse.purge(), log),
      ...(days > 0 ? [new PeriodicTask('delete old recordings', 600_000, () => finishing.expire(days), log)] : []),
    ];
  }

  onApplicationBootstrap(): void {
    for (const task of this.tasks) task.start();
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.tasks.map((task) => task.stop()), this.finishing.idle()]);
  }
}
