import { Agent } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { RequestFilteringHttpAgent } from 'request-filtering-agent';
import { isPublicAddress } from '../../../../src/lib/platform/http-client/public-address.js';

/**
 * request-filtering-agent, which guards requests too, is asked what it thinks of an address. It is not what we use: it
 * lets the addresses of `WE_REFUSE_MORE` through, tells the address in its errors, compares single IPv6 addresses as
 * text, and writes a warning for every IPv6 address while an IPv4 network is allowed.
 */
function othersRefuse(address: string): boolean {
  const before = Object.getOwnPropertyDescriptor(Agent.prototype, 'createConnection')!;
  let asked = false;
  Agent.prototype.createConnection = () => {
    asked = true;
    return new Socket();
  };
  try {
    new RequestFilteringHttpAgent().createConnection({ host: address, port: 80 }, () => undefined);
  } finally {
    Object.defineProperty(Agent.prototype, 'createConnection', before);
  }
  return !asked;
}

const WE_REFUSE_MORE = ['168.63.129.16', '4000::1', '400::7f00:1', '100:0:0:1::1', '1fff::1'];

const byte = fc.integer({ min: 0, max: 255 });
const ipv4 = fc.tuple(fc.oneof(byte, fc.constantFrom(10, 100, 127, 169, 172, 192, 198, 203)), byte, byte, byte);
const group = fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constant(0));
const firstGroup = fc.oneof(
  group,
  fc.integer({ min: 0x2000, max: 0x3fff }),
  fc.constantFrom(0x64, 0x100, 0x2001, 0x2002, 0x2620, 0x3fff, 0xfd00, 0xfe80),
);
const ipv6 = fc.tuple(firstGroup, ...Array.from({ length: 7 }, () => group));

it('finds no address that others refuse and we do not', () => {
  const addresses = fc.oneof(
    ipv4.map((bytes) => bytes.join('.')),
    ipv6.map((groups) => groups.map((value) => value.toString(16)).join(':')),
  );
  fc.assert(
    fc.property(addresses, (address) => {
      expect(isPublicAddress(address) && othersRefuse(address)).toBe(false);
    }),
    { numRuns: 20_000 },
  );
});

it.each(WE_REFUSE_MORE)('%s is refused by us alone', (address) => {
  expect(isPublicAddress(address)).toBe(false);
  expect(othersRefuse(address)).toBe(false);
});

it.each(['127.0.0.1', '10.0.0.1', '::1', 'fd00::1', '::ffff:127.0.0.1', '2002:7f00:1::'])(
  '%s is refused by both',
  (address) => {
    expect(isPublicAddress(address)).toBe(false);
    expect(othersRefuse(address)).toBe(true);
  },
);
