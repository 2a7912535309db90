import { type SipCarrier } from '../../carriers/index.js';
import { type MediaSession, type MediaSessionOptions } from '../../lib/media/index.js';
import { type OutgoingCall, type SipUserAgent } from '../../lib/sip/index.js';
import { MediaNegotiation } from './media-negotiation.js';
import { type SipEndpoints } from './sip-endpoints.js';
import { callerUri, destinationUri, sipTargets } from './sip-names.js';
import { isCapacity } from './sip-reasons.js';

/** An outgoing SIP call with its media. */
export interface PlacedCall {
  call: OutgoingCall;
  media: MediaSession;
  negotiation: MediaNegotiation;
}

export interface PlaceCallRequest extends Pick<MediaSessionOptions, 'recordTo' | 'detectAnswer'> {
  /** Becomes the Call-ID. */
  attemptId: string;
  /** E.164. */
  to: string;
  from: string;
  ringTimeoutMs: number;
  /** Cancels the call before its INVITE is sent. */
  signal?: AbortSignal | undefined;
}

/** Binds the ports of a call and sends its INVITE. @throws Error when nothing was sent; no port is bound then */
export async function placeCall(
  endpoints: SipEndpoints,
  carrier: SipCarrier,
  request: PlaceCallRequest,
): Promise<PlacedCall> {
  const { agent, address } = await endpoints.agentFor(carrier.targets[0]?.host ?? '', carrier.verifyTls);
  const { recordTo, detectAnswer } = request;
  const media = await endpoints.openMedia(address, { recordTo, detectAnswer });
  try {
    request.signal?.throwIfAborted();
    endpoints.register(agent, carrier);
    return invite(agent, carrier, request, media);
  } catch (error) {
    await media.close();
    throw error;
  }
}

function invite(
  agent: SipUserAgent,
  carrier: SipCarrier,
  { attemptId, to, from, ringTimeoutMs }: PlaceCallRequest,
  media: MediaSession,
): PlacedCall {
  const negotiation = new MediaNegotiation(media, carrier);
  const call = agent.call({
    targets: sipTargets(carrier),
    callId: attemptId,
    to: destinationUri(to, carrier),
    from: { uri: callerUri(from, carrier) },
    ...(carrier.credentials ? { credentials: carrier.credentials } : {}),
    sdp: negotiation.offer(),
    ringTimeoutMs,
    isFinal: isCapacity,
    onOffer: (sdp) => negotiation.answer(sdp),
    onAnswer: (sdp) => void negotiation.accept(sdp),
  });
  return { call, media, negotiation };
}
