import { Latch, normalAddress, type Endpoint } from './latch.js';
import { type RtpPacket } from './rtp-packet.js';

const FAR = { address: '192.0.2.1', port: 4_000 };
const NAT = { address: '198.51.100.7', port: 61_234 };
const ATTACKER = { address: '203.0.113.9', port: 9_999 };

const packet = (sequence: number, ssrc = 1): RtpPacket => ({
  payloadType: 0,
  marker: false,
  sequence,
  timestamp: 0,
  ssrc,
  payload: Buffer.alloc(0),
});

function negotiated(): Latch {
  const latch = new Latch();
  latch.negotiate(FAR.address, FAR.port);
  return latch;
}

const accepts = (latch: Latch, source: Endpoint, sequences: number[], ssrc = 1): boolean[] =>
  sequences.map((sequence) => latch.accepts(source, packet(sequence, ssrc), false));

describe('the latch', () => {
  it('sends to the negotiated address and believes it at once', () => {
    const latch = negotiated();
    expect(latch.target).toEqual(FAR);
    expect(accepts(latch, FAR, [1])).toEqual([true]);
    expect(latch.isLatched).toBe(true);
  });

  it('refuses all others from then on', () => {
    const latch = negotiated();
    accepts(latch, FAR, [1]);
    expect(accepts(latch, ATTACKER, [1, 2, 3, 4, 5, 6])).toEqual(Array(6).fill(false));
    expect(accepts(latch, { ...FAR, port: 4_001 }, [1, 2, 3, 4, 5])).not.toContain(true);
    expect(latch.target).toEqual(FAR);
  });

  it('follows a far end behind NAT after four packets in sequence, and sends there', () => {
    const latch = negotiated();
    expect(accepts(latch, NAT, [65_534, 65_535, 0, 1, 2])).toEqual([false, false, false, true, true]);
    expect(latch.target).toEqual(NAT);
    expect(accepts(latch, FAR, [1])).toEqual([false]);
  });

  it('is not moved by packets sprayed without sequence or from changing sources', () => {
    const latch = negotiated();
    expect(accepts(latch, ATTACKER, [1, 9, 3, 200, 1, 1, 1])).not.toContain(true);
    for (let port = 1; port < 20; port++) expect(accepts(latch, { ...ATTACKER, port }, [port])).toEqual([false]);
    for (let ssrc = 1; ssrc < 20; ssrc++) expect(accepts(latch, ATTACKER, [ssrc], ssrc)).toEqual([false]);
    expect(latch.target).toEqual(FAR);
  });

  it('believes at once who is authenticated', () => {
    const latch = negotiated();
    expect(latch.accepts(NAT, packet(1), true)).toBe(true);
    expect(latch.accepts(ATTACKER, packet(2), true)).toBe(false);
  });

  it('stays when the same is negotiated again, and begins anew with another', () => {
    const latch = negotiated();
    accepts(latch, NAT, [1, 2, 3, 4]);
    latch.negotiate(FAR.address, FAR.port);
    expect(latch.target).toEqual(NAT);
    latch.negotiate(FAR.address, 5_000);
    expect([latch.target, latch.isLatched]).toEqual([{ ...FAR, port: 5_000 }, false]);
  });

  it.each([
    ['0.0.0.0', 4_000],
    ['::', 4_000],
    ['example.test', 4_000],
    ['192.0.2.1', 0],
    ['192.0.2.1', 65_536],
  ])('sends nothing to %s:%d', (address, port) => {
    const latch = new Latch();
    latch.negotiate(address, port);
    expect(latch.target).toBeUndefined();
  });

  it('knows one spelling of each address', () => {
    expect(normalAddress('2001:DB8:0:0::1')).toBe('2001:db8::1');
    expect(normalAddress('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(normalAddress('fe80::1%eth0')).toBe('fe80::1');
  });
});
