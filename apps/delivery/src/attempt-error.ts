import type { AttemptError } from '@switchhook/contracts';

/** Raised by our own connector when every address of an endpoint, or one of them, is one that policy forbids. */
export class AddressRefusedError extends Error {}

/** Raised while reading a response that is longer than we read. */
export class ResponseTooLargeError extends Error {}

const BY_CODE: Readonly<Record<string, AttemptError>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  EADDRNOTAVAIL: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  ENOTFOUND: 'dns',
  ENODATA: 'dns',
  ESERVFAIL: 'dns',
  EREFUSED: 'dns',
  EAI_AGAIN: 'dns',
  ETIMEOUT: 'dns',
  UND_ERR_HEADERS_OVERFLOW: 'protocol',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'response-too-large',
  EPROTO: 'tls',
};

/** X.509 verification results (OpenSSL names) that Node puts into `code`. */
const CERTIFICATE_CODE = /CERT|ISSUER|SIGNATURE|CRL|HOSTNAME_MISMATCH|INVALID_PURPOSE|PATH_LENGTH/;

/**
 * What a failed call is called in the delivery log. Anything unknown is `protocol`: the connection was there, and what came
 * over it was not HTTP as we know it.
 */
export function classifyCallError(error: unknown): AttemptError {
  if (error instanceof AddressRefusedError) return 'address-refused';
  if (error instanceof ResponseTooLargeError) return 'response-too-large';
  if (!(error instanceof Error)) return 'protocol';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = BY_CODE[code];
  if (known) return known;
  if (code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || CERTIFICATE_CODE.test(code)) return 'tls';
  if (error.cause !== undefined) return classifyCallError(error.cause);
  return 'protocol';
}
