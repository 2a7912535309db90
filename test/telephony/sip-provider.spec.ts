import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SipCarrier } from '../../src/carriers/sip-carrier.js';
import { SipTrunkProvider } from '../../src/telephony/sip-trunk/sip-trunk.provider.js';
import { type SipTarget } from '../../src/lib/sip/sip-types.js';
import { type TelephonyProvider } from '../../src/telephony/provider.js';
import { createLog } from '../../src/lib/platform/log.js';
import { type Database } from '../../src/lib/platform/database/database.js';
import { openTestDatabase } from '../support/database.js';
import { temporaryFolder } from '../support/process.js';
import { describeProvider } from './provider-conformance.js';
import { startNumbers } from '../lib/sip/numbers-phone.js';
import { describeWithPeers, stopPeers } from '../peers/peers.js';

describe.each(['udp', 'tcp'] as const)('over %s', (transport) => {
  describeWithPeers(['sipp'], 'with a SIP phone for every number', () => {
    describeProvider('sip', {
      endings: {
        busy: '+15550000002',
        noAnswer: '+15550000003',
        declined: '+15550000004',
        invalid: '+15550000005',
        unavailable: '+15550000007',
        capacity: '+15550000008',
        customerHangsUp: '+15550000010',
        blocked: '+15550000013',
        notPermitted: '+15550000014',
      },
      staysOnLine: '+15550000001',
      transfersTo: '+15550000001',
      shortRingMs: 1_000,
      shortCallMs: 300,
      sharesLegs: false,
      start: async () => {
        const folder = temporaryFolder();
        const db = await openTestDatabase();
        const log = join(folder.path, 'rings.log');
        const { target } = await startNumbers(transport, log);
        const carrier = carrierTo(target);
        return {
          open: () => withLine(providerFor(db.database, carrier), carrier),
          ringsOf: (attemptId) =>
            Promise.resolve(
              readFileSync(log, 'utf8')
                .split('\n')
                .filter((line) => line.includes(`ring ${attemptId}`)).length,
            ),
          stop: async () => {
            await stopPeers();
            await db.close();
            folder.remove();
          },
        };
      },
    });
  });
});

const providerFor = (database: Database, carrier: SipCarrier) =>
  new SipTrunkProvider(database, { find: () => Promise.resolve(carrier) }, createLog('silent'), {
    sip: { address: '127.0.0.1', port: 0, publicAddress: undefined, rtpPorts: undefined, mediaTimeoutMs: 60_000 },
  });

function carrierTo({ host, port = 5060, transport }: SipTarget): SipCarrier {
  return {
    kind: 'sip',
    id: 'lab',
    name: 'Lab',
    targets: [{ host, port, transport }],
    codecs: ['PCMU', 'PCMA'],
    srtp: 'off',
    callerIdFormat: 'e164',
    numberFormat: 'e164',
    fromDomain: null,
    callsPerSecond: null,
    maxChannels: null,
    registration: false,
    verifyTls: true,
  };
}

/** Adds the line to the requests of the suite. */
function withLine(provider: SipTrunkProvider, carrier: SipCarrier): TelephonyProvider {
  const line = { carrier, organizationId: '01981f2e-9c1a-7b3e-8f7a-00000000000a', detectsAnswer: false };
  return {
    name: provider.name,
    dial: (request) => provider.dial({ ...request, line }),
    find: (reference) => provider.find(reference),
    close: () => provider.close(),
  };
}
