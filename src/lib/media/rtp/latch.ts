import { SocketAddress, isIP } from 'node:net';
import { type RtpPacket } from './rtp-packet.js';

export interface Endpoint {
  address: string;
  port: number;
}

/** Packets in sequence that prove a source which is not the negotiated one. */
const PROBATION_PACKETS = 4;

/** Canonical form of an IP address; undefined for an invalid or unspecified one. */
export function normalAddress(address: string): string | undefined {
  const family = isIP(address);
  if (family === 0) return undefined;
  if (family === 4) return address === '0.0.0.0' ? undefined : address;
  try {
    const normal = new SocketAddress({ address: address.replace(/%.*$/, ''), family: 'ipv6' }).address;
    if (normal === '::') return undefined;
    const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(normal);
    return mapped?.[1] ?? normal;
  } catch {
    return undefined;
  }
}

/**
 * Symmetric RTP: selects the address of the far end once after the answer. The first packet from the negotiated address
 * latches at once. Another source, such as a far end behind NAT, must send packets in sequence first, unless SRTP
 * authenticates it. Single packets of an attacker who scans ports change nothing.
 */
export class Latch {
  private negotiated: Endpoint | undefined;
  private latched: Endpoint | undefined;
  private candidate: (Endpoint & { ssrc: number; sequence: number; packets: number }) | undefined;

  /** A new address starts anew; the same one again changes nothing. */
  negotiate(address: string, port: number): void {
    const normal = port > 0 && port < 65_536 ? normalAddress(address) : undefined;
    const next = normal === undefined ? undefined : { address: normal, port };
    if (next?.address === this.negotiated?.address && next?.port === this.negotiated?.port) return;
    this.negotiated = next;
    this.latched = undefined;
    this.candidate = undefined;
  }

  /** Where to send: what is latched, until then what was negotiated. */
  get target(): Endpoint | undefined {
    return this.latched ?? this.negotiated;
  }

  get isLatched(): boolean {
    return this.latched !== undefined;
  }

  /** Whether a source has the negotiated address, the only one accepted before the answer. */
  isNegotiated(source: Endpoint): boolean {
    return same(source, this.negotiated);
  }

  /** Whether a valid packet after the answer is the far end's. Latches when it proves to be. */
  accepts(source: Endpoint, packet: RtpPacket, authenticated: boolean): boolean {
    if (this.latched) return same(source, this.latched);
    if (!same(source, this.negotiated) && !authenticated && !this.proves(source, packet)) return false;
    this.latched = { address: source.address, port: source.port };
    this.candidate = undefined;
    return true;
  }

  private proves({ address, port }: Endpoint, { ssrc, sequence }: RtpPacket): boolean {
    const { candidate } = this;
    if (candidate && same(candidate, { address, port }) && candidate.ssrc === ssrc) {
      if (sequence === ((candidate.sequence + 1) & 0xffff)) candidate.packets++;
      else candidate.packets = 1;
      candidate.sequence = sequence;
      return candidate.packets >= PROBATION_PACKETS;
    }
    this.candidate = { address, port, ssrc, sequence, packets: 1 };
    return false;
  }
}

function same(a: Endpoint, b: Endpoint | undefined): boolean {
  return a.port === b?.port && a.address === b.address;
}
