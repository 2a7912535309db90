export { checkDigits } from './dtmf/dtmf.js';
export { MediaEngine } from './engine/media-engine.js';
export { type MediaEvent, type MediaReport, type MediaSession, type MediaSessionOptions } from './media-session.js';
export { type SrtpSuite } from './media-types.js';
export { PlayoutQueue } from './rtp/playout-queue.js';
export { newSrtpKey } from './srtp/srtp.js';
