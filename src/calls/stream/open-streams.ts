import { Injectable, type OnModuleDestroy } from '@nestjs/common';

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
export class OpenStreams implements OnModuleDestroy {
  readonly limits: StreamLimits = { perKey: 50, perProcess: 1_000, heartbeatMs: 15_000 };
  private readonly streams = new Map<AbortController, string>();
  private stopped = false;

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

  onModuleDestroy(): void {
    this.stopped = true;
    for (const controller of this.streams.keys()) controller.abort();
  }
}
