import { type SipCarrier } from '../../carriers/index.js';
import { type MediaSession, type MediaSessionOptions } from '../../lib/media/index.js';
import { type OutgoingCall, type SipUserAgent } from '../../lib/sip/index.js';
import { MediaNegotiation } from './media-negotiation.js';
import { callerUri, destinationUri, sipTargets } from './sip-names.js';
import { isCapacity } from './sip-reasons.js';
import { type SipEndpoints } from './sip-endpoints.js';

/** A SIP call on its way, and its media. */
export interface PlacedCall {
  call: OutgoingCall;
  media: MediaSession;
  offered: MediaNegotiation;
}

export interface CallPlan extends Pick<MediaSessionOptions, 'recordTo' | 'detectAnswer'> {
  /** The Call-ID. */
  attemptId: string;
  /** E.164. */
  to: string;
  from: string;
  ringTimeoutMs: number;
  /** Nobody wants the call any more. */
  signal?: AbortSignal | undefined;
}

/** Binds the ports of a call and sends its INVITE. @throws Error when nothing was sent, and nothing is open then */
export async function placeCall(trunks: SipEndpoints, carrier: SipCarrier, plan: CallPlan): Promise<PlacedCall> {
  const { agent, address } = await trunks.agentFor(carrier.targets[0]?.host ?? '', carrier.verifyTls);
  const { recordTo, detectAnswer } = plan;
  const media = await trunks.openMedia(address, { recordTo, detectAnswer });
  try {
    plan.signal?.throwIfAborted();
    trunks.register(agent, carrier);
    return send(agent, carrier, plan, media);
  } catch (error) {
    await media.close();
    throw error;
  }
}

function send(agent: SipUserAgent, carrier: SipCarrier, plan: CallPlan, media: MediaSession): PlacedCall {
  const { attemptId: reference, to, from, ringTimeoutMs } = plan;
  const offered = new MediaNegotiation(media, carrier);
  const call = agent.call({
    targets: sipTargets(carrier),
    callId: reference,
    to: destinationUri(to, carrier),
    from: { uri: callerUri(from, carrier) },
    ...(carrier.credentials ? { credentials: carrier.credentials } : {}),
    sdp: offered.offer(),
    ringTimeoutMs,
    isFinal: isCapacity,
    onOffer: (sdp) => offered.answer(sdp),
    onAnswer: (sdp) => void offered.accept(sdp),
  });
  return { call, media, offered };
}
