import { DomainError } from '../lib/platform/index.js';
import { type CarrierEntity } from './carrier.entity.js';
import { type CarrierTargetRequest, type UpdateCarrierRequest } from './carriers.dto.js';
import { type CarrierTarget } from './sip-carrier.js';

/** The changes of a request; undefined fields keep their value. */
export type CarrierChanges = Partial<
  Omit<CarrierEntity, 'id' | 'organizationId' | 'sealedPassword' | 'createdAt' | 'updatedAt'> & {
    password: string | null;
  }
>;

/**
 * The changes of a request. null empties a field that may be empty, and keeps the value of another.
 * @throws DomainError `validation_error`
 */
export function carrierChanges(request: UpdateCarrierRequest): CarrierChanges {
  const { username, password, authRealm, fromDomain, callsPerSecond, maxChannels } = request;
  return {
    targets: targetsOf(request),
    username,
    password,
    authRealm,
    fromDomain,
    callsPerSecond,
    maxChannels,
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
function targetsOf({ host, port, transport, targets }: UpdateCarrierRequest): CarrierTarget[] | undefined {
  if (host == null) {
    const orphans = Object.entries({ port, transport }).filter(([, value]) => value != null);
    refuse(orphans.map(([name]) => [name, 'needs host']));
    return targets?.map(toTarget);
  }
  if (targets != null) refuse([['host', 'must not be given together with targets']]);
  return [toTarget({ host, port, transport })];
}

const toTarget = ({ host, port, transport }: CarrierTargetRequest): CarrierTarget => ({
  host,
  port: port ?? null,
  transport: transport ?? 'udp',
});

function refuse(problems: readonly [field: string, problem: string][]): void {
  const [first] = problems;
  if (first) throw new DomainError('validation_error', first.join(' '), Object.fromEntries(problems));
}
