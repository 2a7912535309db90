import { lookup, resolveSrv } from 'node:dns/promises';
import { isAddress, isIPv6, unbracketed } from '../message/host.js';

/** The questions to DNS. Both answer with an empty list when there is nothing. */
export interface SipResolver {
  srv(name: string): Promise<{ name: string; port: number; priority: number; weight: number }[]>;
  /** IPv4 and IPv6 addresses, those of the hosts file too. */
  addresses(name: string): Promise<string[]>;
}

/** One place to send to. */
export interface Hop {
  transport: 'udp' | 'tcp' | 'tls';
  /** Numeric. */
  address: string;
  port: number;
  /** The name it was found by: what a TLS certificate must be for. */
  host: string;
}

interface Target {
  host: string;
  port: number | undefined;
  transport: Hop['transport'];
}

const MAX_HOPS = 10;
const SERVICE = { udp: '_sip._udp.', tcp: '_sip._tcp.', tls: '_sips._tcp.' } as const;

export const systemResolver: SipResolver = {
  srv: (name) => resolveSrv(name).catch(() => []),
  addresses: (name) =>
    lookup(name, { all: true }).then(
      (found) => found.map(({ address }) => address),
      () => [],
    ),
};

/**
 * Where a target is, in the order to try (RFC 3263 without NAPTR: the transport is configured). A numeric host is used
 * as it is, a port skips SRV, and without SRV records the name itself is looked up.
 * @param random 0 to 1, orders SRV records of equal priority by weight
 * @returns an empty list when it cannot be found
 */
export async function locate(
  target: Target,
  resolver: SipResolver,
  random: () => number = Math.random,
): Promise<Hop[]> {
  const host = unbracketed(target.host);
  const { transport } = target;
  const port = target.port ?? (transport === 'tls' ? 5061 : 5060);
  if (isAddress(host)) return [{ transport, address: host, port, host }];
  const records = target.port === undefined ? await resolver.srv(SERVICE[transport] + host).catch(() => []) : [];
  // A single record for "." says that the service is decidedly not there (RFC 2782).
  const servers = orderSrv(records, random).filter(({ name }) => name !== '' && name !== '.');
  if (records.length > 0 && servers.length === 0) return [];
  const places = servers.length > 0 ? servers.slice(0, MAX_HOPS) : [{ name: host, port }];
  const hops = await Promise.all(
    places.map(async (place) => {
      const addresses = await resolver.addresses(place.name).catch(() => []);
      return addresses.filter(isAddress).map((address) => ({ transport, address, port: place.port, host }));
    }),
  );
  return hops.flat().slice(0, MAX_HOPS);
}

/** Lowest priority first; within one, drawn by weight (RFC 2782). */
function orderSrv<T extends { priority: number; weight: number }>(records: readonly T[], random: () => number): T[] {
  const left = [...records].sort((a, b) => a.priority - b.priority || a.weight - b.weight);
  const ordered: T[] = [];
  while (left.length > 0) {
    const group = left.filter(({ priority }) => priority === left[0]?.priority);
    const total = group.reduce((sum, { weight }) => sum + weight, 0);
    let draw = random() * total;
    const drawn = group.find(({ weight }) => (draw -= weight) <= 0) ?? group.at(-1);
    if (!drawn) break;
    ordered.push(drawn);
    left.splice(left.indexOf(drawn), 1);
  }
  return ordered;
}

/** Whether a socket bound to an address can send to another: the families must match; `::` sends to both. */
export const canReach = (bound: string, address: string): boolean =>
  bound === '::' || isIPv6(bound) === isIPv6(address);
