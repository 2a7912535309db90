import { familyOf, NetworkList, parseNetwork } from './network.js';

/** What the registry of special addresses of IANA (RFC 6890) and later documents take out of IPv4. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8', // this network; 0.0.0.0 reaches the machine itself
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by carriers (RFC 6598); metadata of Alibaba Cloud
  '127.0.0.0/8', // loopback
  '168.63.129.16', // the host of a machine in Azure: looks public, answers inside only
  '169.254.0.0/16', // link-local; metadata of most clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments; metadata of Oracle Cloud
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // AMT
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
];

/** What is special within the unicast addresses of IPv6. */
const SPECIAL_IPV6 = [
  '2001::/23', // protocol assignments, Teredo (which holds an IPv4 address) among them
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which holds an IPv4 address
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation (RFC 9637)
];

/**
 * Of IPv6 only this block is given out for use on the internet (RFC 4291 §2.4). What is outside of it is loopback,
 * local, multicast, reserved, or holds an IPv4 address: mapped, compatible, translated (NAT64).
 */
const UNICAST_IPV6 = listOf(['2000::/3']);
const SPECIAL = { ipv4: listOf(SPECIAL_IPV4), ipv6: listOf(SPECIAL_IPV6) };

function listOf(texts: readonly string[]): NetworkList {
  return new NetworkList(texts.map(parseNetwork).filter((network) => network !== undefined));
}

/** Whether the address is reachable from the internet; false for an invalid address or one with a zone. */
export function isPublicAddress(address: string): boolean {
  const family = familyOf(address);
  if (!family || SPECIAL[family].has(address)) return false;
  return family === 'ipv4' || UNICAST_IPV6.has(address);
}
