import { type CarrierEntity } from './carrier.entity.js';
import { type CarrierSettings, type UpdateCarrierRequest } from './carriers.dto.js';
import { Problems, type RawBody } from './raw-body.js';
import { type CarrierTarget, isHeaderText, isHost, isPort, MAX_TARGETS, TRANSPORTS } from './sip-carrier.js';

/** What a request says about a carrier; undefined: nothing. */
export type CarrierChanges = Partial<
  Omit<CarrierEntity, 'id' | 'organizationId' | 'sealedPassword' | 'createdAt' | 'updatedAt'> & {
    password: string | null;
  }
>;

const HOST = 'must be a host name, an IPv4 address or an IPv6 address without brackets';
const HEADER_TEXT = 'must be text without control characters';

/**
 * What a request changes. null empties what may be empty, and leaves the rest alone.
 * @throws DomainError `validation_error`
 */
export function readCarrier(request: UpdateCarrierRequest, body: RawBody): CarrierChanges {
  const problems = new Problems();
  const targets = readTargets(request, body['targets'], problems);
  for (const name of ['username', 'authRealm'] as const)
    if (request[name] != null && !isHeaderText(request[name])) problems.add(name, HEADER_TEXT);
  if (request.fromDomain != null && !isHost(request.fromDomain)) problems.add('fromDomain', HOST);
  problems.refuse();
  const { username, password, authRealm, fromDomain, callsPerSecond, maxChannels } = request;
  return {
    ...{ targets, username, password, authRealm, fromDomain, callsPerSecond, maxChannels },
    name: request.name ?? undefined,
    kind: request.kind ?? undefined,
    codecs: request.codecs ?? undefined,
    srtp: request.srtp ?? undefined,
    callerIdFormat: request.callerIdFormat ?? undefined,
    numberFormat: request.numberFormat ?? undefined,
    registration: request.registration ?? undefined,
    verifyTls: request.verifyTls ?? undefined,
    isActive: request.isActive ?? undefined,
  };
}

/** The targets, from the list or from the short form; undefined when the request has neither. */
function readTargets(
  { host, port, transport }: CarrierSettings,
  targets: unknown,
  problems: Problems,
): CarrierTarget[] | undefined {
  const isShort = host != null;
  if (!isShort)
    for (const [name, value] of Object.entries({ port, transport }))
      if (value != null) problems.add(name, 'needs host');
  if (targets == null) return isShort ? [readTarget({ host, port, transport }, '', problems)] : undefined;
  if (isShort) problems.add('host', 'must not be given together with targets');
  if (!Array.isArray(targets) || targets.length < 1 || targets.length > MAX_TARGETS) {
    problems.add('targets', `must be a list of 1 to ${MAX_TARGETS} targets`);
    return undefined;
  }
  return targets.map((target: unknown, n) => readTarget(target, `targets[${n}]`, problems));
}

function readTarget(value: unknown, path: string, problems: Problems): CarrierTarget {
  const at = (name: string) => (path ? `${path}.${name}` : name);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject) problems.add(path, 'must be an object');
  const given = (isObject ? value : {}) as Record<string, unknown>;
  const { host, port } = given;
  const transport = TRANSPORTS.find((each) => each === (given['transport'] ?? 'udp'));
  if (isObject) {
    if (typeof host !== 'string' || !isHost(host)) problems.add(at('host'), host == null ? 'is required' : HOST);
    if (port != null && !isPort(port)) problems.add(at('port'), 'must be a whole number from 1 to 65535');
    if (!transport) problems.add(at('transport'), `must be one of ${TRANSPORTS.join(', ')}`);
  }
  return {
    host: typeof host === 'string' ? host : '',
    port: isPort(port) ? port : null,
    transport: transport ?? 'udp',
  };
}
