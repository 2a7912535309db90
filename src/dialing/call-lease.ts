import { type LegFollower } from './leg-follower.js';

export interface CallLeaseDeps {
  /** Aborted when the worker stops. */
  stopping: AbortSignal;
  /** Called when the provider is asked to dial. */
  onDialled: () => void;
}

/** A call that this worker holds, from its admission or take-over to its release. */
export class CallLease {
  private isLost = false;
  private dialled = false;
  private follower: LegFollower | undefined;

  constructor(private readonly deps: CallLeaseDeps) {}

  /** False after a loss of the lease and when the worker stops: no attempt may begin. */
  get mayDial(): boolean {
    return !this.isLost && !this.deps.stopping.aborted;
  }

  /** Aborted when the worker stops. */
  get signal(): AbortSignal {
    return this.deps.stopping;
  }

  get isDialled(): boolean {
    return this.dialled;
  }

  markDialled(): void {
    this.dialled = true;
    this.deps.onDialled();
  }

  /** Follows a leg to its end. @param startedAt the time of an answer that is known already, ISO 8601 */
  async follow(follower: LegFollower, startedAt?: string): Promise<void> {
    this.follower = follower;
    if (!this.mayDial) follower.detach();
    await follower.follow(startedAt);
  }

  hangUp(): void {
    void this.follower?.hangUp();
  }

  detach(): void {
    this.follower?.detach();
  }

  /** Another worker has taken the call over. */
  lose(): void {
    this.isLost = true;
    void this.follower?.handOver();
  }
}
