import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';

/**
 * The address of this machine that a host sees when we send to it, as the routing table says. Nothing is sent.
 * @throws Error when the host has no address or cannot be routed to
 */
export async function localAddressTowards(host: string): Promise<string> {
  const { address } = await lookup(host.replace(/^\[|\]$/g, ''));
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
