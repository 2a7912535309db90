import { isIPv6 } from 'node:net';
import { formatNumber, type SipCarrier } from '../../carriers/index.js';
import { type SipTarget } from '../../lib/sip/index.js';

export const sipTargets = ({ targets }: Pick<SipCarrier, 'targets'>): SipTarget[] =>
  targets.map(({ host, port, transport }) => ({ host, port: port ?? undefined, transport }));

/** The URI of a user at a carrier (RFC 3261 section 19.1). The host is the first target; the others are for failover. */
export function sipUri(user: string, { targets }: Pick<SipCarrier, 'targets'>): string {
  const [{ host, port } = { host: 'invalid', port: null }] = targets;
  const name = isIPv6(host) ? `[${host}]` : host;
  return `sip:${encodeURIComponent(user).replace(/%2B/g, '+')}@${name}${port === null ? '' : `:${port}`}`;
}

/** The URI of the called number. */
export const destinationUri = (e164: string, carrier: SipCarrier): string =>
  sipUri(formatNumber(e164, carrier.numberFormat), carrier);

/** The URI of the caller's number. */
export function callerUri(e164: string, carrier: SipCarrier): string {
  const { fromDomain, targets } = carrier;
  const user = formatNumber(e164, carrier.callerIdFormat);
  return sipUri(user, {
    targets: fromDomain === null ? targets : [{ host: fromDomain, port: null, transport: 'udp' }],
  });
}
