/** What the main thread and the media worker say to each other. Sessions are numbers here. */
import { type MediaReport, type MediaSessionOptions, type MediaEvent } from '../media-session.js';
import { type LocalMedia, type NegotiatedMedia } from '../media-types.js';

/** Settings of the worker. */
export interface MediaHostOptions {
  /** The local address to bind. */
  address: string;
  /** The one to write into SDP, where it is another. */
  publicAddress: string | undefined;
  /** Undefined: whatever the system gives. */
  ports: { min: number; max: number } | undefined;
  mediaTimeoutMs: number;
}

export type MediaCommand = { session: number } & (
  | { type: 'open'; options: MediaSessionOptions }
  | { type: 'connect'; media: NegotiatedMedia }
  | { type: 'answered'; atMs: number }
  | { type: 'listen'; on: boolean }
  | { type: 'write'; pcm: Int16Array }
  | { type: 'mark'; token: number }
  | { type: 'clear'; token: number }
  | { type: 'dtmf'; digits: string; token: number }
  | { type: 'ring'; on: boolean }
  | { type: 'bridge'; other: number }
  | { type: 'close' }
);

/** All commands of one turn of the event loop. */
export type MediaCommands = MediaCommand[] | 'shutdown';

export type MediaMessage =
  /** Frames of all sessions that are listened to, of one tick; `readFrames` takes them apart. */
  | { type: 'frames'; frames: ArrayBuffer }
  | ({ session: number } & (
      | { type: 'opened'; local: LocalMedia }
      | { type: 'open-failed'; detail: string }
      | { type: 'event'; event: MediaEvent }
      | { type: 'marked'; token: number; result: 'played' | 'cleared' }
      | { type: 'cleared'; token: number; playedMs: number }
      | { type: 'dtmf-sent'; token: number }
      | { type: 'closed'; report: MediaReport }
    ));
