import { type LookupAddress } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';

/** All addresses of a name. Rejects with the error of Node when it has none. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>;

/** How long a name server is waited for, and how often it is asked. */
const QUERY = { timeout: 2_000, tries: 2 };

/**
 * Asks the name servers: those of the system unless others are given. The operating system's own lookup would hold one
 * of four threads of the process for as long as a customer's name server keeps silent.
 */
export const resolveByDns =
  (servers?: readonly string[]): Resolve =>
  async (hostname) => {
    const resolver = new Resolver(QUERY);
    if (servers) resolver.setServers(servers);
    const [ipv4, ipv6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const addresses = [
      ...(ipv4.status === 'fulfilled' ? ipv4.value.map((address) => ({ address, family: 4 })) : []),
      ...(ipv6.status === 'fulfilled' ? ipv6.value.map((address) => ({ address, family: 6 })) : []),
    ];
    if (addresses.length === 0 && ipv4.status === 'rejected') throw ipv4.reason as Error;
    return addresses;
  };

/** As the operating system does, with /etc/hosts and local names: those of private networks are often found there only. */
export const resolveBySystem: Resolve = (hostname) => lookup(hostname, { all: true });
