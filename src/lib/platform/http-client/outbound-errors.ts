/** The rules forbid the address. The message tells the customer the reason. */
export class OutboundRefused extends Error {
  override readonly name = 'OutboundRefused';
}

export type OutboundFailure = 'timeout' | 'aborted' | 'unreachable' | 'tls' | 'closed' | 'protocol';

/** The address was asked and gave no answer. The message is for people and holds no network address. */
export class OutboundFailed extends Error {
  override readonly name = 'OutboundFailed';

  constructor(
    readonly kind: OutboundFailure,
    message: string,
  ) {
    super(message);
  }
}

/** Codes of Node, OpenSSL and the HTTP parser, the first that fits. */
const FAILURES: readonly (readonly [RegExp, OutboundFailure, string])[] = [
  [/^(ENOTFOUND|ENODATA|ENONAME|EBADNAME)$/, 'unreachable', 'The host name has no address'],
  [/^(EAI_|ESERVFAIL|EREFUSED|ETIMEOUT|EBADRESP|ECANCELLED)/, 'unreachable', 'The host name cannot be resolved'],
  [/^ECONNREFUSED$/, 'unreachable', 'The connection was refused'],
  [/^(EHOST|ENET|EADDR|ETIMEDOUT)/, 'unreachable', 'The host cannot be reached'],
  [/^CERT_HAS_EXPIRED$/, 'tls', 'The certificate has expired'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'tls', 'The certificate is for another host'],
  [/SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|CERT_UNTRUSTED/, 'tls', 'The certificate is of no known authority'],
  [/^(CERT_|CRL_|UNABLE_TO_|INVALID_|HOSTNAME_)/, 'tls', 'The certificate is not valid'],
  [/^(EPROTO|ERR_SSL|ERR_TLS|ERR_OSSL)/, 'tls', 'The host cannot do TLS with us'],
  [/^HPE_HEADER_OVERFLOW$/, 'protocol', 'The headers of the answer are too long'],
  [/^(HPE_|ERR_HTTP|ERR_INVALID)/, 'protocol', 'The answer is not HTTP'],
];

export function failureOf(error: NodeJS.ErrnoException): OutboundFailed {
  const code = error.code ?? '';
  const [, kind, message] = FAILURES.find(([pattern]) => pattern.test(code)) ?? [];
  return new OutboundFailed(kind ?? 'closed', message ?? 'The host closed the connection before it had answered');
}
