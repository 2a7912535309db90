import { type LookupAddress } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';

/** All addresses of a name. Rejects with the error of Node when it has none. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>;

/** The name servers are asked this often, and each time waited for so long. */
const QUERY = { timeout: 2_000, tries: 2 };

/**
 * Asks the name servers. The operating system's own lookup would hold one of four threads of the process for as long as
 * a customer's name server keeps silent.
 */
export const resolveByDns: Resolve = async (hostname) => {
  const resolver = new Resolver(QUERY);
  const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  const addresses = answers.flatMap((answer, index) =>
    answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family: index === 0 ? 4 : 6 })) : [],
  );
  const [failed] = answers.filter((answer) => answer.status === 'rejected');
  if (addresses.length === 0 && failed) throw failed.reason as Error;
  return addresses;
};

/** As the operating system does, with /etc/hosts and local names: those of private networks are often found there only. */
export const resolveBySystem: Resolve = (hostname) => lookup(hostname, { all: true });
