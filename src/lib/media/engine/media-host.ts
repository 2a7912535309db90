import { AnswerDetector } from '../answer-detection/answer-detector.js';
import { FrameBatch } from './frame-batch.js';
import { MediaClock } from './media-clock.js';
import { RtpSession } from './rtp-session.js';
import { type MediaCommand, type MediaHostOptions, type MediaMessage } from './media-messages.js';
import { type MediaSessionOptions } from '../media-session.js';

/** All lines of a media worker. It knows nothing of threads: commands come in, messages go out through `post`. */
export class MediaHost {
  private readonly lines = new Map<number, RtpSession>();
  private readonly frames = new FrameBatch();
  private closed = false;
  private readonly clock = new MediaClock(() => {
    this.flush();
  });

  constructor(
    private readonly options: MediaHostOptions,
    private readonly post: (message: MediaMessage, transfer?: ArrayBuffer[]) => void,
  ) {}

  /** Commands for sessions that are closed already, or not yet open, do nothing. */
  handle(command: MediaCommand): void {
    const { session } = command;
    if (command.type === 'open') {
      void this.open(session, command.options);
      return;
    }
    const line = this.lines.get(session);
    if (!line) return;
    switch (command.type) {
      case 'connect':
        line.connect(command.media);
        break;
      case 'answered':
        line.answered(command.atMs);
        break;
      case 'listen':
        line.listening = command.on;
        break;
      case 'write':
        line.write(command.pcm);
        break;
      case 'mark':
        line.queue.mark((result) => {
          this.post({ type: 'marked', session, token: command.token, result });
        });
        break;
      case 'clear':
        this.post({ type: 'cleared', session, token: command.token, playedMs: line.queue.clear() });
        break;
      case 'dtmf':
        line.sendDtmf(command.digits, () => {
          this.post({ type: 'dtmf-sent', session, token: command.token });
        });
        break;
      case 'ring':
        line.ring(command.on);
        break;
      case 'bridge': {
        const other = this.lines.get(command.other);
        if (other) line.bridge(other);
        break;
      }
      case 'close':
        void this.close(session, line);
        break;
    }
  }

  /** Closes all lines, and those that are still being opened. */
  async closeAll(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.lines].map(([session, line]) => this.close(session, line)));
  }

  private async open(session: number, options: MediaSessionOptions): Promise<void> {
    try {
      const line = await RtpSession.open(options, this.options, {
        clock: this.clock,
        newDetector: () => new AnswerDetector(),
        event: (event) => {
          this.post({ type: 'event', session, event });
        },
        heard: (atMs, frame) => {
          this.frames.add(session, atMs, frame);
        },
      });
      if (this.closed) {
        await line.close();
        return;
      }
      this.lines.set(session, line);
      this.post({ type: 'opened', session, local: line.local });
    } catch (error) {
      this.post({ type: 'open-failed', session, detail: error instanceof Error ? error.message : String(error) });
    }
  }

  private async close(session: number, line: RtpSession): Promise<void> {
    const report = await line.close();
    if (this.lines.delete(session)) this.post({ type: 'closed', session, report });
  }

  private flush(): void {
    const frames = this.frames.take();
    if (frames) this.post({ type: 'frames', frames }, [frames]);
  }
}
