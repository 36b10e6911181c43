import type { AttemptError } from '@switchhook/contracts';

/** Raised by our own connector when every address of an endpoint, or one of them, is one that policy forbids. */
export class AddressRefusedError extends Error {}

/** Raised by our own resolver for a name without an address. The cause's `code` may be that of a connection: to the name server. */
export class NameNotResolvedError extends Error {}

/** Raised when none of an endpoint's addresses can be reached from the source address that the operator set. */
export class NoSourceAddressError extends Error {
  readonly code = 'EADDRNOTAVAIL';
}

const BY_CODE: Readonly<Record<string, AttemptError>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  EADDRNOTAVAIL: 'refused',
  // A literal address of the other family than the source address.
  EINVAL: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'protocol',
  EPROTO: 'tls',
};

/** X.509 verification results (OpenSSL names) that Node puts into `code`. */
const CERTIFICATE_CODE = /CERT|ISSUER|SIGNATURE|CRL|HOSTNAME_MISMATCH|INVALID_PURPOSE|PATH_LENGTH/;

/** Of the handshake, and of OpenSSL refusing what it was given (a key that its security level thinks too short). */
const TLS_CODE = /^ERR_(?:TLS|SSL|OSSL)_/;

/** undici's words for a `100 Continue` or a `101 Switching Protocols` that nobody asked for. */
const UNASKED_ANSWER = /^bad (?:response|upgrade)$/;

/**
 * What a failed call is called in the delivery log. Anything unknown is `protocol`: the connection was there, and what came
 * over it was not HTTP as we know it.
 */
export function classifyCallError(error: unknown): AttemptError {
  if (error instanceof AddressRefusedError) return 'address-refused';
  if (error instanceof NameNotResolvedError) return 'dns';
  if (!(error instanceof Error)) return 'protocol';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'UND_ERR_SOCKET' && UNASKED_ANSWER.test(error.message)) return 'protocol';
  const known = BY_CODE[code];
  if (known) return known;
  if (TLS_CODE.test(code) || CERTIFICATE_CODE.test(code)) return 'tls';
  if (error.cause !== undefined) return classifyCallError(error.cause);
  return 'protocol';
}
