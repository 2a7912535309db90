import { type AudioPort } from '../audio/index.js';
import { type AnsweredBy, type CallQuality, type LocalMedia, type NegotiatedMedia } from './media-types.js';

export interface MediaSessionOptions {
  /** The WAV file to record to, from the answer on, customer left and agent right. Undefined: no recording. */
  recordTo?: string | undefined;
  /** Tell `answered-by`, `greeting-over` and `beep`. */
  detectAnswer?: boolean | undefined;
  /** The local address to bind instead of the engine's; IPv4 or IPv6 by its form. */
  address?: string | undefined;
  /** One port for RTP and RTCP is offered (RFC 5761). What was agreed on says `connect`. */
  rtcpMux?: boolean | undefined;
}

/** What happens on a line, each with the moment it happened. */
export type MediaEvent = { at: Date } & (
  | { type: 'dtmf'; digit: string }
  /** No packet arrived within the media timeout, or the media worker crashed. Reported once until media comes again. */
  | { type: 'media-lost' }
  | { type: 'answered-by'; answer: AnsweredBy }
  /** A single tone after which a message may be left. */
  | { type: 'beep' }
  /** A machine has stopped speaking. */
  | { type: 'greeting-over' }
  /** The recording lacks a part of the call. Reported once. */
  | { type: 'recording-failed'; detail: string }
);

export interface MediaReport {
  quality: CallQuality;
  /** The length of the recording; null when there is none. */
  recordedMs: number | null;
}

/** The media of one call. It lives in the media worker; this is its handle. */
export interface MediaSession {
  readonly local: LocalMedia;
  readonly audio: AudioPort;
  /** What was agreed on; again after each new offer and answer. Keys or addresses that make no sense silence the line. */
  connect(media: NegotiatedMedia): void;
  /** The far end answered, `at` that moment: recording, the latch, the media timeout and answer detection begin. */
  answered(at: Date): void;
  /**
   * Sends `0-9 * # A-D`, with `,` or `w` as pauses of 500 ms; as tones where the far end takes no telephone events.
   * Resolves when it has been sent. @throws {RangeError} for other digits; {Error} when the line closes before.
   */
  sendDtmf(digits: string): Promise<void>;
  /** Plays the tone of a phone that rings somewhere else, whenever nothing else is played. */
  ring(on: boolean): void;
  /**
   * Bridges two sessions of the same engine: each plays the audio and the digits the other receives. Queued audio of both
   * is removed, and `write` has no effect. The bridge lasts until one session closes.
   */
  bridge(other: MediaSession): void;
  /** Buffered, read once; ends after `close`. */
  readonly events: AsyncIterable<MediaEvent>;
  /** Ends the line and its recording. Any number of calls give the one report. */
  close(): Promise<MediaReport>;
}
