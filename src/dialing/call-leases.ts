import { Inject, Injectable } from '@nestjs/common';
import { Log, newId, Notifications } from '../lib/platform/index.js';
import { CallLease } from './call-lease.js';
import { CallQueue } from './call-queue.js';
import { DIALING_OPTIONS, type DialingOptions } from './dialing-options.js';
import { LeaseTable } from './lease-table.js';

interface HoldOptions {
  /** Whether the call counts for the calls per second of its carrier, and is not dialled yet. */
  isPaced: boolean;
}

/** The calls that this worker holds. Each has a lease in the database that the worker renews while it runs the call. */
@Injectable()
export class CallLeases {
  /** Names this worker as the owner of leases. */
  readonly owner = newId();
  private readonly leases = new Map<string, CallLease>();
  private readonly running = new Set<Promise<void>>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly table: LeaseTable,
    private readonly queue: CallQueue,
    private readonly notifications: Notifications,
    private readonly log: Log,
    @Inject(DIALING_OPTIONS) private readonly options: Pick<DialingOptions, 'leaseMs'>,
  ) {}

  get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  has(callId: string): boolean {
    return this.leases.has(callId);
  }

  /** Runs the work of a leased call and releases the lease after it. */
  hold(callId: string, { isPaced }: HoldOptions, work: (lease: CallLease) => Promise<void>): void {
    const lease = new CallLease({
      stopping: this.stopping.signal,
      onDialled: () => {
        if (!isPaced) return;
        const failure = 'dial confirmation failed; the calls-per-second limit counts this call longer';
        this.track(this.queue.confirmDialled(callId), callId, failure);
      },
    });
    this.leases.set(callId, lease);
    const run = work(lease)
      .then(() => (this.isStopping ? undefined : this.release(callId, isPaced && !lease.isDialled)))
      .finally(() => {
        if (this.leases.get(callId) === lease) this.leases.delete(callId);
      });
    // Its lease runs out, as that of a dead worker does.
    this.track(run, callId, 'the work on a call failed; the call will be taken over');
  }

  /**
   * Renews the leases of this worker, detaches from calls that another worker has taken over, and hangs up calls that
   * have ended. A row of this worker whose call it does not run is not renewed: it will be taken over.
   */
  async renew(): Promise<void> {
    const leases = [...this.leases];
    if (leases.length === 0) return;
    const callIds = leases.map(([callId]) => callId);
    const renewed = await this.table.renew(this.owner, callIds, this.options.leaseMs);
    for (const [callId, lease] of leases) {
      if (!renewed.has(callId)) lease.lose();
      else if (renewed.get(callId)) lease.hangUp();
    }
  }

  /** Hangs up calls that a command has ended, in this process or another. */
  async hangUpEnded(): Promise<void> {
    if (this.leases.size === 0) return;
    for (const callId of await this.table.endedCalls(this.owner)) this.leases.get(callId)?.hangUp();
  }

  /** Begins to stop: no attempt begins from now on. */
  stop(): void {
    this.stopping.abort();
  }

  /** Detaches from all calls. */
  async detachAll(): Promise<void> {
    for (const lease of this.leases.values()) lease.detach();
    await Promise.all(this.running);
  }

  /** Lets other workers take all calls over at once. */
  async expireAll(): Promise<void> {
    await this.table.expire(this.owner).catch((error: unknown) => {
      this.log.warn({ err: error }, 'the leases of this worker could not be expired; they run out by themselves');
    });
  }

  private async release(callId: string, isAdmissionUnused: boolean): Promise<void> {
    if (isAdmissionUnused) await this.queue.cancelAdmission(callId);
    await this.table.release(this.owner, callId);
    this.notifications.wake('call_slots');
  }

  /** Keeps work for `detachAll` to wait for, and logs its failure. */
  private track(work: Promise<unknown>, callId: string, failure: string): void {
    const tracked = work
      .then(
        () => undefined,
        (error: unknown) => {
          this.log.error({ err: error, callId }, failure);
        },
      )
      .finally(() => this.running.delete(tracked));
    this.running.add(tracked);
  }
}
