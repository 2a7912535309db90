import { BlockList, isIP } from 'node:net';

/** A range of addresses; a single address has a prefix of its whole length. */
export interface Network {
  address: string;
  prefix: number;
  family: 'ipv4' | 'ipv6';
}

const LENGTH = { ipv4: 32, ipv6: 128 } as const;

/** Reads `10.0.0.0/8`, `fd00::/8` or a single address; undefined when it is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = familyOf(address);
  if (!family) return undefined;
  const bits = prefix === undefined ? LENGTH[family] : Number(prefix);
  return bits <= LENGTH[family] ? { address, prefix: bits, family } : undefined;
}

/** Undefined also for an address with a zone (`fe80::1%eth0`): it means something on one machine only. */
export function familyOf(address: string): Network['family'] | undefined {
  if (address.includes('%')) return undefined;
  return ({ 4: 'ipv4', 6: 'ipv6' } as const)[isIP(address)];
}

/** Tells whether an address is in one of several networks. */
export class NetworkList {
  private readonly list = new BlockList();

  constructor(networks: readonly Network[]) {
    for (const { address, prefix, family } of networks) this.list.addSubnet(address, prefix, family);
  }

  has(address: string): boolean {
    const family = familyOf(address);
    return family !== undefined && this.list.check(address, family);
  }
}
