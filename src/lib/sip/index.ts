export { answerOffer, buildOffer, negotiate, type SdpOptions } from './sdp/sdp.js';
export {
  type CallEnded,
  type CallEvent,
  type DialogState,
  type OutgoingCall,
  type Registration,
  type SipTarget,
  type SipTimers,
} from './sip-types.js';
export { SipUserAgent } from './user-agent.js';
