import { type G711 } from '../audio/g711.js';

/** What the signalling and the media of a call tell each other. Plain data: it crosses threads. */

export { type G711 };

export type SrtpSuite = 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32';

/** An SDES key (RFC 4568): 16 bytes of key and 14 of salt, base64. */
export interface SrtpKey {
  suite: SrtpSuite;
  key: string;
}

/** Where a media session listens. Sockets are bound before the offer is made. */
export interface LocalMedia {
  /** The address to write into SDP: the public one behind NAT. */
  address: string;
  port: number;
  /** `port` again when RTP and RTCP share it (RFC 5761). */
  rtcpPort: number;
}

/** What was agreed on for the audio of a call (RFC 3264). Given again after each new offer and answer. */
export interface NegotiatedMedia {
  /** Where to send: what the far end's SDP says. Symmetric RTP may correct it once, after the answer. */
  address: string;
  port: number;
  rtcpPort: number;
  codec: G711;
  /** RTP payload type of each codec that may arrive; the static ones are 0 and 8. */
  payloadTypes: Partial<Record<G711, number>>;
  /** Payload type of telephone-event/8000 (RFC 4733), where the far end takes it. */
  dtmfPayloadType: number | undefined;
  /** Milliseconds of audio a packet that we send holds: 10 to 60. */
  ptimeMs: number;
  /** false while the far end does not want to hear us (hold). */
  sends: boolean;
  /** false during a hold by the far end: its silence is no loss of media. */
  receives: boolean;
  /** Our key protects what we send, theirs what arrives. Absent: plain RTP. */
  srtp: { ours: SrtpKey; theirs: SrtpKey } | undefined;
}

/** How good the line was, from what arrived and what the far end reported (RFC 3550 section 6.4). */
export interface CallQuality {
  packetsSent: number;
  packetsReceived: number;
  /** Packets that never arrived or arrived after their playout time. */
  packetsLost: number;
  /** 0 to 100. */
  lossPercent: number;
  /** Interarrival jitter (RFC 3550 appendix A.8), milliseconds. */
  jitterMs: number;
  /** What the far end says of our packets, where it reports: percent. */
  remoteLossPercent: number | null;
  /** From RTCP, milliseconds, where the far end reports. */
  roundTripMs: number | null;
  /** Estimated mean opinion score, 1 to 4.5 (simplified E-model, ITU-T G.107). */
  mos: number;
}

/** The result of answer detection, with its reason. */
export interface AnsweredBy {
  by: 'human' | 'machine' | 'unknown';
  /** e.g. `short_greeting`, `long_greeting`, `beep`, `no_speech`. */
  reason: string;
}
