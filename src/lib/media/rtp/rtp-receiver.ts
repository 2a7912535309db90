import { DtmfReceiver } from '../dtmf/dtmf.js';
import { JitterBuffer } from './jitter-buffer.js';
import { type G711 } from '../media-types.js';
import { ReceptionStats } from './reception-stats.js';
import { type RtpPacket } from './rtp-packet.js';

const STATIC_PAYLOAD_TYPES: Record<G711, number> = { PCMU: 0, PCMA: 8 };

/** What may arrive: the meaning of each payload type. */
export interface ReceiveFormat {
  payloadTypes: Partial<Record<G711, number>>;
  dtmfPayloadType: number | undefined;
}

/** Separates received packets into audio for the jitter buffer and DTMF digits. Pure: callers pass the time. */
export class RtpReceiver {
  readonly stats = new ReceptionStats();
  readonly buffer = new JitterBuffer();
  private readonly dtmf = new DtmfReceiver();
  private codecOf = new Map<number, G711>();
  private dtmfPayloadType: number | undefined;
  private ssrc: number | undefined;

  setFormat(format: ReceiveFormat): void {
    this.codecOf = new Map();
    for (const codec of ['PCMU', 'PCMA'] as const) {
      const payloadType = format.payloadTypes[codec];
      if (payloadType !== undefined) this.codecOf.set(payloadType, codec);
    }
    // Some send what was not agreed on; the static types are never anything else.
    for (const codec of ['PCMU', 'PCMA'] as const)
      if (!this.codecOf.has(STATIC_PAYLOAD_TYPES[codec])) this.codecOf.set(STATIC_PAYLOAD_TYPES[codec], codec);
    this.dtmfPayloadType = format.dtmfPayloadType;
  }

  /** Whether a packet is of a kind that was agreed on: only such a one tells where the far end is. */
  understands(packet: RtpPacket): boolean {
    return this.codecOf.has(packet.payloadType) || packet.payloadType === this.dtmfPayloadType;
  }

  /** What the sound of a packet is coded in; undefined: it is none. */
  codec({ payloadType }: RtpPacket): G711 | undefined {
    return payloadType === this.dtmfPayloadType ? undefined : this.codecOf.get(payloadType);
  }

  /** A packet from the far end; returns the digit that begins with it. */
  packet(packet: RtpPacket, arrivalMs: number): string | undefined {
    this.stats.packet(packet, arrivalMs);
    if (packet.payloadType === this.dtmfPayloadType) {
      if (packet.ssrc !== this.ssrc) this.dtmf.restart();
      this.ssrc = packet.ssrc;
      return this.dtmf.packet(packet);
    }
    const codec = this.codecOf.get(packet.payloadType);
    if (codec) this.buffer.push(packet, codec);
    return undefined;
  }

  /** Counts a packet from before the answer; its audio is dropped. */
  early(packet: RtpPacket, arrivalMs: number): void {
    this.stats.packet(packet, arrivalMs);
  }
}
