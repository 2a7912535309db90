import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';

/** Reserved for documentation (RFC 5737): routed like any address of the Internet. */
const INTERNET_ADDRESS = '192.0.2.1';

/**
 * The local address that the routing table selects towards a host. Sends nothing. A name without an address may have SRV
 * records: it counts as an Internet address.
 * @throws Error without a route to the host
 */
export async function localAddressTowards(host: string): Promise<string> {
  const name = host.replace(/^\[|\]$/g, '');
  const address = isIP(name)
    ? name
    : await lookup(name).then(
        (found) => found.address,
        () => INTERNET_ADDRESS,
      );
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  try {
    const connected = once(socket, 'connect');
    socket.connect(9, address);
    await connected;
    return socket.address().address;
  } finally {
    socket.close();
  }
}
