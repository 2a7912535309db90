import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ApiKeysService } from '../../api-keys/index.js';
import { Log, PeriodicTask } from '../../lib/platform/index.js';

export interface StreamLimits {
  /** Open streams of one key. */
  perKey: number;
  perProcess: number;
  /** A comment this often keeps proxies from closing a quiet stream. */
  heartbeatMs: number;
}

export interface OpenStream {
  /** Aborted when the stream is to end. */
  signal: AbortSignal;
  /** Gives the place of the stream to another; may be called again. */
  close: () => void;
}

/** The streams that this process has open: few enough to serve all, and closed before the server stops. */
@Injectable()
export class OpenStreams implements OnApplicationBootstrap, OnModuleDestroy {
  readonly limits: StreamLimits = { perKey: 50, perProcess: 1_000, heartbeatMs: 15_000 };
  private readonly streams = new Map<AbortController, string>();
  private readonly watch: PeriodicTask;
  private stopped = false;

  constructor(
    private readonly keys: ApiKeysService,
    log: Log,
  ) {
    this.watch = new PeriodicTask('end streams of ended keys', 1_000, () => this.endOfEndedKeys(), log);
  }

  onApplicationBootstrap(): void {
    this.watch.start();
  }

  /** How many are open. */
  get size(): number {
    return this.streams.size;
  }

  /** Takes a place for a stream; undefined when none is free. */
  open(keyId: string): OpenStream | undefined {
    const { perKey, perProcess } = this.limits;
    const ofKey = [...this.streams.values()].filter((each) => each === keyId).length;
    if (ofKey >= perKey || this.streams.size >= perProcess) return undefined;
    const controller = new AbortController();
    const close = () => {
      this.streams.delete(controller);
      controller.abort();
    };
    this.streams.set(controller, keyId);
    // A server that stops waits for its requests: one that came since then ends at once.
    if (this.stopped) close();
    return { signal: controller.signal, close };
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    for (const controller of this.streams.keys()) controller.abort();
    await this.watch.stop();
  }

  /** A key that was revoked or has expired sees nothing more, as with requests. */
  private async endOfEndedKeys(): Promise<void> {
    if (this.streams.size === 0) return;
    const ended = new Set(await this.keys.findEnded([...new Set(this.streams.values())]));
    for (const [controller, keyId] of this.streams) if (ended.has(keyId)) controller.abort();
  }
}
