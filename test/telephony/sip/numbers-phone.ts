import { join } from 'node:path';
import { freePort, listens, Peer, type Phone, PHONES } from './peers.js';

/**
 * SIPp as many phones at once: the last two digits of the number dialled say how each behaves (lab/sipp/numbers.xml).
 * @param log gets a line `ring <Call-ID>` for each
 */
export async function startNumbers(transport: 'udp' | 'tcp', log: string): Promise<Phone> {
  const port = await freePort(PHONES);
  const scenario = join('test', 'telephony', 'lab', 'sipp', 'numbers.xml');
  const args = ['-sf', scenario, '-i', PHONES, '-p', String(port), '-nostdin', '-t', transport === 'tcp' ? 't1' : 'u1'];
  const logging = ['-trace_logs', '-log_file', log, '-log_overwrite', 'true'];
  const peer = await Peer.start('sipp', [...args, ...logging], () => listens(transport, PHONES, port));
  return { peer, target: { host: PHONES, port, transport } };
}
