import { describe, expect, it } from 'vitest';
import { AddressRefusedError, NameNotResolvedError, classifyCallError } from './attempt-error.js';

const withCode = (code: string, cause?: unknown) => Object.assign(new Error(code, { cause }), { code });

describe('what a failed call is called', () => {
  it.each([
    [withCode('ECONNREFUSED'), 'refused'],
    [withCode('EHOSTUNREACH'), 'refused'],
    [withCode('ECONNRESET'), 'reset'],
    [withCode('UND_ERR_SOCKET'), 'reset'],
    [withCode('UND_ERR_CONNECT_TIMEOUT'), 'timeout'],
    [new NameNotResolvedError('x.example', { cause: withCode('ETIMEOUT') }), 'dns'],
    [new NameNotResolvedError('x.example', { cause: withCode('ECONNREFUSED') }), 'dns'],
    [new Error('broken off', { cause: withCode('UND_ERR_SOCKET') }), 'reset'],
    [Object.assign(new Error('bad upgrade'), { code: 'UND_ERR_SOCKET' }), 'protocol'],
    [withCode('ERR_OSSL_X509_KEY_VALUES_MISMATCH'), 'tls'],
    [withCode('CERT_HAS_EXPIRED'), 'tls'],
    [withCode('DEPTH_ZERO_SELF_SIGNED_CERT'), 'tls'],
    [withCode('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls'],
    [withCode('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'tls'],
    [withCode('ERR_SSL_WRONG_VERSION_NUMBER'), 'tls'],
    [withCode('HPE_INVALID_CONSTANT'), 'protocol'],
    [withCode('UND_ERR_HEADERS_OVERFLOW'), 'protocol'],
    [new AddressRefusedError('10.0.0.1'), 'address-refused'],
    [new Error('fetch failed', { cause: withCode('ECONNREFUSED') }), 'refused'],
    ['not even an error', 'protocol'],
  ])('%s → %s', (error, expected) => {
    expect(classifyCallError(error)).toBe(expected);
  });
});
