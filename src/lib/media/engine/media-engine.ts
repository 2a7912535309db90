import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { workerFile } from '../../platform/index.js';
import { MediaSessionProxy, type SessionMessage } from './media-session-proxy.js';
import { readFrames } from './frame-batch.js';
import { type MediaCommand, type MediaHostOptions, type MediaMessage } from './media-messages.js';
import { type MediaSession, type MediaSessionOptions } from '../media-session.js';
import { type LocalMedia } from '../media-types.js';

const DEFAULT_MEDIA_TIMEOUT_MS = 15_000;

export interface MediaEngineOptions {
  /** The local address to bind, IPv4 or IPv6. */
  address: string;
  /** The one that others reach us at, behind NAT. */
  publicAddress?: string | undefined;
  /** The UDP ports to use, both included; two per call. Undefined: whatever the system gives. */
  ports?: { min: number; max: number } | undefined;
  /** Longest time without a packet from a far end that should send; default 15 s. */
  mediaTimeoutMs?: number | undefined;
  /** Receives the reason of a crash of the worker. Its sessions end with `media-lost`; the next `open` starts a new worker. */
  onCrash?: ((error: Error) => void) | undefined;
}

interface Opening {
  recordTo: string | undefined;
  resolve: (answer: SessionMessage | undefined) => void;
}

/** The media of all calls of the process, in a worker thread of its own. */
export class MediaEngine {
  private worker: Worker | undefined;
  private readonly sessions = new Map<number, MediaSessionProxy>();
  private readonly opening = new Map<number, Opening>();
  private lastSession = 0;
  private outbox: MediaCommand[] = [];
  private closed = false;
  private starting: Promise<void> | undefined;

  /** @throws {Error} when the worker cannot be started. */
  static async start(options: MediaEngineOptions): Promise<MediaEngine> {
    const { address, publicAddress, ports, mediaTimeoutMs = DEFAULT_MEDIA_TIMEOUT_MS } = options;
    const engine = new MediaEngine({ address, publicAddress, ports, mediaTimeoutMs }, options.onCrash);
    await engine.runningWorker();
    return engine;
  }

  private constructor(
    private readonly options: MediaHostOptions,
    private readonly onCrash: ((error: Error) => void) | undefined,
  ) {}

  /** Binds the ports of a call. A worker that crashed is replaced. @throws {Error} when no ports can be had. */
  async open(options: MediaSessionOptions): Promise<MediaSession> {
    if (this.closed) throw new Error('the media engine is closed');
    await this.runningWorker();
    const id = ++this.lastSession;
    const answer = await new Promise<SessionMessage | undefined>((resolve) => {
      this.opening.set(id, { recordTo: options.recordTo, resolve });
      this.send({ type: 'open', session: id, options });
    });
    if (answer?.type === 'open-failed') throw new Error(answer.detail);
    const session = this.sessions.get(id);
    if (!session) throw new Error('the media worker crashed');
    return session;
  }

  /** Closes all sessions and the worker. */
  async close(): Promise<void> {
    this.closed = true;
    const { worker } = this;
    if (!worker) return;
    await Promise.all([...this.sessions.values()].map((session) => session.close()));
    this.flush();
    // It may have crashed meanwhile.
    if (this.worker !== worker) return;
    const exited = once(worker, 'exit').catch(() => undefined);
    worker.postMessage('shutdown');
    await exited;
  }

  /** Starts the worker once for all concurrent callers. */
  private runningWorker(): Promise<void> {
    if (this.worker && !this.starting) return Promise.resolve();
    return (this.starting ??= this.startWorker().finally(() => {
      this.starting = undefined;
    }));
  }

  private async startWorker(): Promise<void> {
    const worker = new Worker(workerFile(new URL('./media-worker.js', import.meta.url)), {
      workerData: this.options,
      name: 'media',
    });
    this.worker = worker;
    worker.on('message', (message: MediaMessage) => {
      this.receive(message);
    });
    // 'exit' follows.
    worker.on('error', (error: Error) => this.onCrash?.(error));
    worker.once('exit', () => {
      if (this.worker === worker) this.workerGone();
    });
    await once(worker, 'online');
  }

  private workerGone(): void {
    this.worker = undefined;
    this.outbox = [];
    const opening = [...this.opening.values()];
    this.opening.clear();
    for (const { resolve } of opening) resolve(undefined);
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    for (const session of sessions) session.crashed();
  }

  private receive(message: MediaMessage): void {
    if (message.type === 'frames') {
      readFrames(message.frames, (session, atMs, frame) => {
        this.sessions.get(session)?.frame(frame, atMs);
      });
      return;
    }
    const { session: id } = message;
    const opened = this.opening.get(id);
    if (opened) {
      this.opening.delete(id);
      // Before anything else of the session can come.
      if (message.type === 'opened') this.sessions.set(id, this.newSession(id, message.local, opened.recordTo));
      opened.resolve(message);
      return;
    }
    this.sessions.get(id)?.handle(message);
    if (message.type === 'closed') this.sessions.delete(id);
  }

  private newSession(id: number, local: LocalMedia, recordTo: string | undefined): MediaSessionProxy {
    return new MediaSessionProxy(id, local, recordTo, (command) => {
      this.send({ ...command, session: id });
    });
  }

  /** All commands of a turn of the event loop are one message. */
  private send(command: MediaCommand): void {
    if (!this.worker) return;
    if (this.outbox.push(command) === 1)
      queueMicrotask(() => {
        this.flush();
      });
  }

  private flush(): void {
    const commands = this.outbox;
    this.outbox = [];
    if (commands.length === 0) return;
    const buffers = commands.flatMap((command) =>
      command.type === 'write' ? [command.pcm.buffer as ArrayBuffer] : [],
    );
    this.worker?.postMessage(commands, buffers);
  }
}
