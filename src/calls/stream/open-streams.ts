import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ApiKeysService } from '../../api-keys/index.js';
import { Log, PeriodicTask } from '../../lib/platform/index.js';

export interface StreamLimits {
  /** Open streams of one API key. */
  perKey: number;
  perProcess: number;
  /** Interval of comments, which keep proxies from closing a quiet stream. */
  heartbeatMs: number;
}

export interface OpenStream {
  /** Aborts when the stream must end. */
  signal: AbortSignal;
  /** Frees the slot of the stream. Idempotent. */
  close: () => void;
}

/** The open streams of this process. Limits their number, and ends them before the server stops. */
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

  get size(): number {
    return this.streams.size;
  }

  /** Takes a slot for a stream; undefined at a limit. */
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
    // A server that stops waits for its requests: a late stream ends at once.
    if (this.stopped) close();
    return { signal: controller.signal, close };
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    for (const controller of this.streams.keys()) controller.abort();
    await this.watch.stop();
  }

  /** Ends the streams of revoked and expired keys. */
  private async endOfEndedKeys(): Promise<void> {
    if (this.streams.size === 0) return;
    const ended = new Set(await this.keys.findEnded([...new Set(this.streams.values())]));
    for (const [controller, keyId] of this.streams) if (ended.has(keyId)) controller.abort();
  }
}
