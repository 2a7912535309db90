import { Inject, Injectable } from '@nestjs/common';
import { AttemptRecovery } from './attempt-recovery.js';
import { CallLeases } from './call-leases.js';
import { DIALING_OPTIONS, type DialingOptions } from './dialing-options.js';
import { LeaseTable } from './lease-table.js';

const MAX_CALLS = 200;

/** Takes over the calls of workers that have died: their leases have run out. */
@Injectable()
export class TakeOver {
  constructor(
    private readonly table: LeaseTable,
    private readonly leases: CallLeases,
    private readonly recovery: AttemptRecovery,
    @Inject(DIALING_OPTIONS) private readonly options: Pick<DialingOptions, 'leaseMs'>,
  ) {}

  async takeOverCalls(): Promise<void> {
    if (this.leases.isStopping) return;
    for (const callId of await this.table.takeOver(this.leases.owner, this.options.leaseMs, MAX_CALLS))
      // A call of this worker whose renewal was late goes on.
      if (!this.leases.has(callId))
        this.leases.hold(callId, { isPaced: false }, (lease) => this.recovery.recover(callId, lease));
  }
}
