import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, listens, Peer, type Phone, PHONES } from '../../peers/peers.js';

/**
 * SIPp as many phones at once: the last two digits of the number dialled say how each behaves (peers/sipp/numbers.xml).
 * @param log gets a line `ring <Call-ID>` for each, and then `left`, `bye` or `cancelled <Call-ID>`
 */
export async function startNumbers(transport: 'udp' | 'tcp', log: string): Promise<Phone> {
  const port = await freePort(PHONES);
  const scenario = join('test', 'peers', 'sipp', 'numbers.xml');
  const args = ['-sf', scenario, '-i', PHONES, '-p', String(port), '-nostdin', '-t', transport === 'tcp' ? 't1' : 'u1'];
  const logging = ['-trace_logs', '-log_file', log, '-log_overwrite', 'true'];
  const peer = await Peer.start('sipp', [...args, ...logging], () => listens(transport, PHONES, port));
  return { peer, target: { host: PHONES, port, transport } };
}

/** What the phones have written down so far, in the order in which it happened. */
export function readRings(log: string): { what: 'ring' | 'left' | 'bye' | 'cancelled'; callId: string }[] {
  const lines = readFileSync(log, 'utf8').matchAll(/\b(ring|left|bye|cancelled) ([0-9a-f-]{36})/g);
  return [...lines].map(([, what, callId]) => ({ what, callId }) as ReturnType<typeof readRings>[number]);
}
