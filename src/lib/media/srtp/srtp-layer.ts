import { type NegotiatedMedia, type SrtpKey } from '../media-types.js';
import { isSrtpKey, SrtpContext } from './srtp.js';

/**
 * The protection of a line as negotiated: none, or both directions. Keys that cannot be used leave it shut: nothing is
 * sent or accepted in the clear that was to be protected.
 */
export class SrtpLayer {
  private mode: 'plain' | 'secure' | 'shut' = 'plain';
  private ours: { key: SrtpKey; context: SrtpContext } | undefined;
  private theirs: { key: SrtpKey; context: SrtpContext } | undefined;

  /** The same keys again go on where they are: to begin anew would repeat a keystream and allow replays. */
  use(srtp: NegotiatedMedia['srtp']): void {
    if (!srtp) {
      this.mode = 'plain';
      return;
    }
    if (!isSrtpKey(srtp.ours) || !isSrtpKey(srtp.theirs)) {
      this.mode = 'shut';
      return;
    }
    this.mode = 'secure';
    this.ours = renewed(this.ours, srtp.ours);
    this.theirs = renewed(this.theirs, srtp.theirs);
  }

  get isSecure(): boolean {
    return this.mode === 'secure';
  }

  get isUsable(): boolean {
    return this.mode !== 'shut';
  }

  protectRtp(packet: Buffer): Buffer {
    return this.mode === 'secure' && this.ours ? this.ours.context.protectRtp(packet) : packet;
  }

  protectRtcp(packet: Buffer): Buffer {
    return this.mode === 'secure' && this.ours ? this.ours.context.protectRtcp(packet) : packet;
  }

  /** Undefined: not to be believed. */
  unprotectRtp(packet: Buffer): Buffer | undefined {
    if (this.mode === 'plain') return packet;
    return this.mode === 'secure' ? this.theirs?.context.unprotectRtp(packet) : undefined;
  }

  unprotectRtcp(packet: Buffer): Buffer | undefined {
    if (this.mode === 'plain') return packet;
    return this.mode === 'secure' ? this.theirs?.context.unprotectRtcp(packet) : undefined;
  }
}

function renewed(
  current: { key: SrtpKey; context: SrtpContext } | undefined,
  key: SrtpKey,
): { key: SrtpKey; context: SrtpContext } {
  if (current?.key.key === key.key && current.key.suite === key.suite) return current;
  return { key, context: new SrtpContext(key) };
}
