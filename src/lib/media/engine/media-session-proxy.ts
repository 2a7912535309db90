import { type AudioPort, repairWav } from '../../audio/index.js';
import { callQuality } from '../rtcp/call-quality.js';
import { checkDigits } from '../dtmf/dtmf.js';
import { EventQueue } from '../../platform/index.js';
import { type MediaCommand, type MediaMessage } from './media-messages.js';
import { type MediaEvent, type MediaReport, type MediaSession } from '../media-session.js';
import { type LocalMedia, type NegotiatedMedia } from '../media-types.js';

type Listener = (frame: Int16Array, atMs: number) => void;
/** A command without its session: each kind by itself, so that it stays a union. */
type OwnCommand = MediaCommand extends infer Each ? (Each extends MediaCommand ? Omit<Each, 'session'> : never) : never;
export type SessionMessage = Extract<MediaMessage, { session: number }>;

/** The main thread's end of a line in the media worker. */
export class MediaSessionProxy implements MediaSession {
  readonly audio: AudioPort = {
    listen: (listener) => this.listen(listener),
    write: (pcm) => {
      if (pcm.length > 0) this.send({ type: 'write', pcm: pcm.slice() });
    },
    mark: () => this.mark(),
    clear: () => this.clear(),
  };
  private readonly queue = new EventQueue<MediaEvent>();
  readonly events: AsyncIterable<MediaEvent> = this.queue;

  private readonly listeners = new Set<Listener>();
  /** What waits for an answer of the worker, by its token. The argument is undefined when none will come. */
  private readonly waiting = new Map<number, (answer: SessionMessage | undefined) => void>();
  private lastToken = 0;
  private state: 'open' | 'closing' | 'closed' = 'open';
  private closing: Promise<MediaReport> | undefined;
  private resolveReport: (report: MediaReport | undefined) => void = () => undefined;
  private answeredAt: Date | undefined;

  constructor(
    private readonly id: number,
    readonly local: LocalMedia,
    private readonly recordTo: string | undefined,
    private readonly post: (command: OwnCommand) => void,
  ) {}

  connect(media: NegotiatedMedia): void {
    this.send({ type: 'connect', media });
  }

  answered(at: Date): void {
    this.answeredAt ??= at;
    this.send({ type: 'answered', atMs: at.getTime() });
  }

  async sendDtmf(digits: string): Promise<void> {
    checkDigits(digits);
    const sent = await this.ask((token) => ({ type: 'dtmf', digits, token }));
    if (!sent) throw new Error('the line was closed before all digits were sent');
  }

  ring(on: boolean): void {
    this.send({ type: 'ring', on });
  }

  /** @throws {TypeError} for a session of something else than an engine */
  bridge(other: MediaSession): void {
    if (!(other instanceof MediaSessionProxy)) throw new TypeError('Only lines of one engine can be connected');
    this.send({ type: 'bridge', other: other.id });
  }

  close(): Promise<MediaReport> {
    return (this.closing ??= this.end());
  }

  /** What the worker says of this session. */
  handle(message: SessionMessage): void {
    switch (message.type) {
      case 'event':
        this.queue.push(message.event);
        break;
      case 'marked':
      case 'cleared':
      case 'dtmf-sent': {
        const resolve = this.waiting.get(message.token);
        this.waiting.delete(message.token);
        resolve?.(message);
        break;
      }
      case 'closed':
        this.resolveReport(message.report);
        break;
      case 'opened':
      case 'open-failed':
        break;
    }
  }

  frame(frame: Int16Array, atMs: number): void {
    for (const listener of this.listeners) listener(this.listeners.size > 1 ? frame.slice() : frame, atMs);
  }

  /** The worker is gone, and the line with it. */
  crashed(): void {
    if (this.state === 'closed') return;
    if (this.state === 'open') this.queue.push({ at: new Date(), type: 'media-lost' });
    this.state = 'closed';
    this.giveUp();
    this.resolveReport(undefined);
  }

  private async end(): Promise<MediaReport> {
    const report = this.state === 'closed' ? undefined : await this.askToClose();
    this.state = 'closed';
    this.giveUp();
    this.listeners.clear();
    this.queue.end();
    return report ?? this.reportOfCrash();
  }

  private askToClose(): Promise<MediaReport | undefined> {
    return new Promise((resolve) => {
      this.resolveReport = resolve;
      this.send({ type: 'close' });
      this.state = 'closing';
    });
  }

  /** Figures are lost with the worker; what it had recorded is not. */
  private async reportOfCrash(): Promise<MediaReport> {
    const recordedMs =
      this.recordTo !== undefined && this.answeredAt ? await repairWav(this.recordTo).catch(() => null) : null;
    const none = { packetsSent: 0, packetsReceived: 0, packetsMissing: 0, packetsLate: 0, jitterMs: 0, bufferMs: 0 };
    return { quality: callQuality({ ...none, remoteLossPercent: null, roundTripMs: null }), recordedMs };
  }

  private giveUp(): void {
    for (const resolve of this.waiting.values()) resolve(undefined);
    this.waiting.clear();
  }

  private listen(listener: Listener): () => void {
    // The same function may listen twice.
    const own: Listener = (frame, atMs) => {
      listener(frame, atMs);
    };
    this.listeners.add(own);
    if (this.listeners.size === 1) this.send({ type: 'listen', on: true });
    return () => {
      if (this.listeners.delete(own) && this.listeners.size === 0) this.send({ type: 'listen', on: false });
    };
  }

  private async mark(): Promise<'played' | 'cleared'> {
    const answer = await this.ask((token) => ({ type: 'mark', token }));
    return answer?.type === 'marked' ? answer.result : 'cleared';
  }

  private async clear(): Promise<{ playedMs: number }> {
    const answer = await this.ask((token) => ({ type: 'clear', token }));
    return { playedMs: answer?.type === 'cleared' ? answer.playedMs : 0 };
  }

  private ask(command: (token: number) => OwnCommand): Promise<SessionMessage | undefined> {
    if (this.state !== 'open') return Promise.resolve(undefined);
    const token = ++this.lastToken;
    return new Promise((resolve) => {
      this.waiting.set(token, resolve);
      this.send(command(token));
    });
  }

  private send(command: OwnCommand): void {
    if (this.state === 'open') this.post(command);
  }
}
