import { createCipheriv, createHmac } from 'node:crypto';
import { type SrtpKey } from '../media-types.js';
import { CounterMode, deriveSessionKey, isSrtpKey, newSrtpKey, SrtpContext } from './srtp.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const MASTER_KEY = hex('E1F97A0D3E018BE0D64FA32C06DE4139');
const MASTER_SALT = hex('0EC675AD498AFEEBB6960B3AABE6');
const KEY = {
  suite: 'AES_CM_128_HMAC_SHA1_80',
  key: Buffer.concat([MASTER_KEY, MASTER_SALT]).toString('base64'),
} satisfies SrtpKey;

function rtp(sequence: number, ssrc = 1, payload = Buffer.from('0123456789abcdefghij')): Buffer {
  const packet = Buffer.alloc(12 + payload.length);
  packet.writeUInt16BE(0x8008);
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(ssrc, 8);
  payload.copy(packet, 12);
  return packet;
}

describe('SRTP', () => {
  it('derives the keys of RFC 3711 appendix B.3', () => {
    expect(deriveSessionKey(MASTER_KEY, MASTER_SALT, 0, 16)).toEqual(hex('C61E7A93744F39EE10734AFE3FF7A087'));
    expect(deriveSessionKey(MASTER_KEY, MASTER_SALT, 2, 14)).toEqual(hex('30CBBC08863D8C85D49DB34A9AE1'));
    expect(deriveSessionKey(MASTER_KEY, MASTER_SALT, 1, 20)).toEqual(hex('CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'));
  });

  it('makes the keystream of RFC 3711 appendix B.2', () => {
    const stream = Buffer.alloc(48);
    const mode = new CounterMode(hex('2B7E151628AED2A6ABF7158809CF4F3C'), hex('F0F1F2F3F4F5F6F7F8F9FAFBFCFD'));
    mode.apply(stream, 0, 0);
    expect(stream).toEqual(
      hex('E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0'),
    );
  });

  it('makes and reads the packet that libsrtp is tested with', () => {
    const plain = hex('800f1234decafbadcafebabe abababababababababababababababab');
    const secured = hex('800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb');
    expect(new SrtpContext(KEY).protectRtp(plain)).toEqual(secured);
    expect(new SrtpContext(KEY).unprotectRtp(secured)).toEqual(plain);
  });

  it('reads the RTCP packet that libsrtp is tested with', () => {
    const plain = hex('81c8000bcafebabe abababababababababababababababab');
    const secured = hex('81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798');
    expect(new SrtpContext(KEY).unprotectRtcp(secured)).toEqual(plain);
  });

  it('counts the rollover in counter and tag, as an independent computation does', () => {
    const context = new SrtpContext(KEY);
    context.protectRtp(rtp(65_535));
    const secured = context.protectRtp(rtp(0, 0x0102_0304));
    // Index 65,536: a rollover of 1 and a sequence number of 0 (section 4.1.1).
    const iv = Buffer.concat([hex('30CBBC08863D8C85D49DB34A9AE1'), Buffer.alloc(2)]);
    for (const [i, byte] of [1, 2, 3, 4, 0, 0, 0, 1, 0, 0].entries()) iv[4 + i] = (iv[4 + i] ?? 0) ^ byte;
    const cipher = createCipheriv('aes-128-ctr', hex('C61E7A93744F39EE10734AFE3FF7A087'), iv);
    const packet = rtp(0, 0x0102_0304);
    const body = Buffer.concat([packet.subarray(0, 12), cipher.update(packet.subarray(12))]);
    const hmac = createHmac('sha1', hex('CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'))
      .update(body)
      .update(hex('00000001'));
    expect(secured).toEqual(Buffer.concat([body, hmac.digest().subarray(0, 10)]));
  });

  describe.each(['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'] as const)('%s', (suite) => {
    const pair = (): [SrtpContext, SrtpContext] => {
      const key = newSrtpKey(suite);
      return [new SrtpContext(key), new SrtpContext(key)];
    };

    it('is as long as its tag', () => {
      expect(pair()[0].protectRtp(rtp(1))).toHaveLength(32 + (suite.endsWith('80') ? 10 : 4));
    });

    it('goes on over many rollovers, with loss and reordering around each', () => {
      const [sender, receiver] = pair();
      for (let index = 65_000; index < 200_000; index += 97) {
        const [first, second] = [sender.protectRtp(rtp(index)), sender.protectRtp(rtp(index + 3))];
        expect(receiver.unprotectRtp(second)).toEqual(rtp(index + 3));
        expect(receiver.unprotectRtp(first)).toEqual(rtp(index));
      }
    });

    it('refuses repetitions and what is older than its window', () => {
      const [sender, receiver] = pair();
      const packets = Array.from({ length: 200 }, (_, n) => sender.protectRtp(rtp(n)));
      const opened = (n: number): boolean => receiver.unprotectRtp(packets[n] ?? Buffer.alloc(0)) !== undefined;
      expect([opened(0), opened(0), opened(199), opened(199), opened(72), opened(71), opened(72)]).toEqual([
        true,
        false,
        true,
        false,
        true,
        false,
        false,
      ]);
    });

    it('refuses each changed byte, and remembers nothing of it', () => {
      const [sender, receiver] = pair();
      const secured = sender.protectRtp(rtp(9));
      for (let at = 0; at < secured.length; at++) {
        const forged = Buffer.from(secured);
        forged[at] = (forged[at] ?? 0) ^ 1;
        expect(receiver.unprotectRtp(forged)).toBeUndefined();
      }
      expect(receiver.unprotectRtp(secured)).toEqual(rtp(9));
    });

    it('protects RTCP with ten bytes of tag, and refuses forged and repeated', () => {
      const [sender, receiver] = pair();
      const report = hex('80c9000100000005 81cb000100000005');
      const secured = sender.protectRtcp(report);
      expect(secured).toHaveLength(report.length + 14);
      expect(secured.subarray(0, 8)).toEqual(report.subarray(0, 8));
      expect(secured.subarray(8, 16)).not.toEqual(report.subarray(8));
      const forged = Buffer.from(secured);
      forged[9] = (forged[9] ?? 0) ^ 1;
      expect(receiver.unprotectRtcp(forged)).toBeUndefined();
      expect(receiver.unprotectRtcp(secured)).toEqual(report);
      expect(receiver.unprotectRtcp(secured)).toBeUndefined();
      expect(receiver.unprotectRtcp(sender.protectRtcp(report))).toEqual(report);
    });
  });

  it('keeps the sources apart', () => {
    const [sender, other, receiver] = [new SrtpContext(KEY), new SrtpContext(KEY), new SrtpContext(KEY)];
    expect(receiver.unprotectRtp(sender.protectRtp(rtp(40_000, 1)))).toBeDefined();
    expect(receiver.unprotectRtp(other.protectRtp(rtp(3, 2)))).toEqual(rtp(3, 2));
  });

  it.each([
    ['too short', { suite: 'AES_CM_128_HMAC_SHA1_80', key: Buffer.alloc(29).toString('base64') }],
    ['too long', { suite: 'AES_CM_128_HMAC_SHA1_80', key: Buffer.alloc(31).toString('base64') }],
    ['of an unknown suite', { suite: 'toString', key: KEY.key }],
  ])('refuses a key that is %s', (_, key) => {
    expect(isSrtpKey(key as SrtpKey)).toBe(false);
    expect(() => new SrtpContext(key as SrtpKey)).toThrow(RangeError);
  });
});
