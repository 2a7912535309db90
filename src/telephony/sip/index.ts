export { type Direction } from './sdp-parse.js';
export {
  answerOffer,
  type Answering,
  buildOffer,
  type Negotiation,
  negotiate,
  newSrtpKey,
  type SdpOptions,
} from './sdp.js';
export { type Hop, type SipResolver, systemResolver } from './locate.js';
export { endOfEnded, endOfFailed, type SipEnd } from './sip-reasons.js';
export {
  type CallEnded,
  type CallEvent,
  type CallEventBody,
  type CallFailed,
  type CallRequest,
  type DialogState,
  type OnOffer,
  type OutgoingCall,
  type RegisterRequest,
  type Registration,
  type SipCredentials,
  type SipTarget,
  type SipTimers,
  type SipTlsOptions,
  type SipTransport,
  type SipUserAgentOptions,
} from './sip-types.js';
export { type Ping, SipUserAgent } from './sip-user-agent.js';
