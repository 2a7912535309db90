import { randomBytes } from 'node:crypto';
import { FRAME_MS, FRAME_SAMPLES, G711_CODECS, SAMPLES_PER_MS } from '../../audio/index.js';
import { type DtmfStep, writeTelephoneEvent } from '../dtmf/dtmf.js';
import { type G711 } from '../media-types.js';
import { RTP_HEADER_BYTES, writeRtpHeader } from './rtp-packet.js';

const UNIT_SAMPLES = 80;
const MAX_PACKET_MS = 60;
/** A socket that is busy keeps a packet for a moment: its buffer is not written again for so many packets. */
const BUFFERS = 8;
const EVENT_BYTES = 4;

export interface SendFormat {
  codec: G711;
  payloadType: number;
  dtmfPayloadType: number | undefined;
  ptimeMs: number;
}

/** Makes the packets of our source, frame by frame of 20 ms, whatever length they have on the wire. */
export class RtpSender {
  readonly ssrc = randomBytes(4).readUInt32BE();
  packets = 0;
  octets = 0;
  /** Of the next sample. */
  timestamp = randomBytes(4).readUInt32BE();

  // Below 2^15, so that no receiver of SRTP misses the first wrap (RFC 3711 section 3.3.1).
  private sequence = randomBytes(2).readUInt16BE() >> 1;
  private marker = true;
  private eventTimestamp = 0;
  private readonly buffers = Array.from({ length: BUFFERS }, () =>
    Buffer.alloc(RTP_HEADER_BYTES + SAMPLES_PER_MS * MAX_PACKET_MS),
  );
  private buffer = 0;
  /** Encoded samples that wait for their packet to be full. */
  private readonly pending = Buffer.alloc(SAMPLES_PER_MS * (MAX_PACKET_MS + FRAME_MS));
  private pendingSamples = 0;

  /** `send` gets a buffer that is used again later. */
  constructor(private readonly send: (packet: Buffer) => void) {}

  /** 20 ms of speech, or of silence when `pcm` is undefined. */
  audio(pcm: Int16Array | undefined, format: SendFormat): void {
    const { encode, silence } = G711_CODECS[format.codec];
    const { pending, pendingSamples: start } = this;
    if (pcm) for (let i = 0; i < FRAME_SAMPLES; i++) pending[start + i] = encode[(pcm[i] ?? 0) & 0xffff] ?? 0;
    else pending.fill(silence, start, start + FRAME_SAMPLES);
    this.pendingSamples += FRAME_SAMPLES;
    this.timestamp = (this.timestamp + FRAME_SAMPLES) >>> 0;
    const perPacket = samplesPerPacket(format.ptimeMs);
    while (this.pendingSamples >= perPacket) this.sendPending(perPacket, format.payloadType);
  }

  /** 20 ms of a telephone event. Its packets all have the timestamp of its beginning (RFC 4733 section 2.2.1). */
  event(step: Exclude<DtmfStep, { type: 'gap' }>, payloadType: number, format: SendFormat): void {
    if (this.pendingSamples > 0) this.sendPending(this.pendingSamples, format.payloadType);
    const first = step.type === 'tone' && step.first;
    if (first) this.eventTimestamp = this.timestamp;
    const packet = this.nextBuffer(EVENT_BYTES);
    writeTelephoneEvent(packet, RTP_HEADER_BYTES, {
      event: step.event,
      durationSamples: step.durationSamples,
      end: step.type === 'end-again' || step.end,
    });
    this.transmit(packet, payloadType, first, this.eventTimestamp);
    this.timestamp = (this.timestamp + FRAME_SAMPLES) >>> 0;
    this.marker = true;
  }

  /** Time passes without packets: on hold, or while the process stood still. What comes next begins a talkspurt. */
  skip(frames: number): void {
    this.pendingSamples = 0;
    this.timestamp = (this.timestamp + frames * FRAME_SAMPLES) >>> 0;
    this.marker = true;
  }

  private sendPending(samples: number, payloadType: number): void {
    const packet = this.nextBuffer(samples);
    this.pending.copy(packet, RTP_HEADER_BYTES, 0, samples);
    const timestamp = (this.timestamp - this.pendingSamples) >>> 0;
    this.pending.copyWithin(0, samples, this.pendingSamples);
    this.pendingSamples -= samples;
    this.transmit(packet, payloadType, this.marker, timestamp);
    this.marker = false;
  }

  private nextBuffer(payloadBytes: number): Buffer {
    this.buffer = (this.buffer + 1) % BUFFERS;
    return (this.buffers[this.buffer] ?? Buffer.alloc(0)).subarray(0, RTP_HEADER_BYTES + payloadBytes);
  }

  private transmit(packet: Buffer, payloadType: number, marker: boolean, timestamp: number): void {
    writeRtpHeader(packet, { payloadType, marker, sequence: this.sequence, timestamp, ssrc: this.ssrc });
    this.sequence = (this.sequence + 1) & 0xffff;
    this.packets++;
    this.octets += packet.length - RTP_HEADER_BYTES;
    this.send(packet);
  }
}

function samplesPerPacket(ptimeMs: number): number {
  const units = Math.floor(Math.min(MAX_PACKET_MS, Math.max(10, ptimeMs)) / 10);
  return (Number.isNaN(units) ? 2 : units) * UNIT_SAMPLES;
}
