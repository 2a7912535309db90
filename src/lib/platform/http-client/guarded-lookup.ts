import { type LookupFunction } from 'node:net';
import { mayConnect, NOT_PUBLIC } from './address-problem.js';
import { type NetworkList } from './network.js';
import { OutboundRefused } from './outbound-errors.js';
import { type Resolve } from './resolve.js';

/**
 * The lookup that sockets make as they connect: what it answers is what they connect to, so a name cannot mean one
 * address when it is checked and another when it is used. One private address among several refuses the name.
 */
export function guardedLookup(resolve: Resolve, allowed: NetworkList): LookupFunction {
  const find = async (hostname: string) => {
    const addresses = await resolve(hostname);
    if (!addresses.every(({ address }) => mayConnect(address, allowed))) throw new OutboundRefused(NOT_PUBLIC);
    const [first] = addresses;
    if (!first) throw Object.assign(new Error('no address'), { code: 'ENODATA' });
    return { addresses, first };
  };
  return (hostname, { all }, callback) => {
    find(hostname).then(
      ({ addresses, first }) => {
        if (all) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => {
        callback(error as NodeJS.ErrnoException, []);
      },
    );
  };
}
