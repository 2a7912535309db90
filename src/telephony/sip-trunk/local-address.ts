import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';

/** Reserved for documentation (RFC 5737): it is routed like the rest of the world. */
const ANYWHERE = '192.0.2.1';

/**
 * The address of this machine that a host sees when we send to it, as the routing table says. Nothing is sent. A name
 * without an address of its own may still have SRV records: it is taken to be anywhere.
 * @throws Error when the host cannot be routed to
 */
export async function localAddressTowards(host: string): Promise<string> {
  const name = host.replace(/^\[|\]$/g, '');
  const address = isIP(name)
    ? name
    : await lookup(name).then(
        (found) => found.address,
        () => ANYWHERE,
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
