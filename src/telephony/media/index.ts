export { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE, type AudioPort } from './audio-port.js';
export { MediaEngine, type MediaEngineOptions } from './media-engine.js';
export { type MediaEvent, type MediaReport, type MediaSession, type MediaSessionOptions } from './media-session.js';
export {
  type AnsweredBy,
  type CallQuality,
  type G711,
  type LocalMedia,
  type NegotiatedMedia,
  type SrtpKey,
  type SrtpSuite,
} from './media-types.js';
export { isSrtpKey, newSrtpKey } from './srtp.js';
