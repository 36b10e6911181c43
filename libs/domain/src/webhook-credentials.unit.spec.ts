import type { Sealed, Webhook } from '@switchhook/contracts';
import { describe, expect, it } from 'vitest';
import { aWebhook } from './event.spec-support.js';
import type { TlsFaults, TlsTexts } from './webhook-credentials.js';
import { readWebhookInput } from './webhook-input.js';

const required = { resource: 'OutboundCall', events: ['Finished'], callback: 'https://example.com/a' };
const sealed: Sealed = { keyId: 'k', encapsulated: 'e', ciphertext: 'c' };

/** What is read, and the PEM texts that were looked at. */
function read(body: object, current?: Webhook, faultsOfTls: TlsFaults = () => []) {
  const looked: TlsTexts[] = [];
  const tlsFaults: TlsFaults = (texts) => {
    looked.push(texts);
    return faultsOfTls(texts);
  };
  const given = current ? body : { ...required, ...body };
  const result = readWebhookInput(given, { current, addressAllowed: () => true, tlsFaults });
  if ('faults' in result) return { faults: result.faults.map(({ message }) => message), looked };
  return { credentials: result.input.credentials, changes: result.input.changes, looked };
}
const create = (body: object) => read(body);
const change = (body: object, current: Partial<Webhook>) => read(body, aWebhook(current));

describe('auth', () => {
  it.each([
    { type: 'basic', username: 'Aladdin', password: 'open: sesame ü' },
    { type: 'basic-challenge', username: 'a', password: 'b' },
    { type: 'bearer', token: 'a.b-c_d~e+f/g==' },
    { type: 'basic', username: 'u'.repeat(255), password: 'p'.repeat(4_000) },
    { type: 'bearer', token: 't'.repeat(4_000) },
  ])('may be %j, and is kept apart from what may be stored', (auth) => {
    const { credentials, changes } = create({ auth });
    expect(credentials).toStrictEqual({ auth });
    expect(changes).toStrictEqual(required);
  });

  it.each<[unknown, string]>([
    ['Basic abc', 'auth: must be an object'],
    [{}, 'auth.type: must be one of: basic, basic-challenge, bearer'],
    [{ type: 'digest' }, 'auth.type: must be one of: basic, basic-challenge, bearer'],
    [{ type: 'basic', username: 'a' }, 'auth.password: is required'],
    [{ type: 'basic', password: 'a' }, 'auth.username: is required'],
    [{ type: 'basic', username: '', password: 'p' }, 'auth.username: must not be empty'],
    [{ type: 'basic', username: 'a:b', password: 'p' }, 'auth.username: must not hold a ":"'],
    [{ type: 'basic', username: 'a', password: 'p\n' }, 'auth.password: must be text without control characters'],
    [{ type: 'basic', username: 'a', password: 5 }, 'auth.password: must be a string'],
    [
      { type: 'basic', username: 'a', password: 'p'.repeat(4_001) },
      'auth.password: must have at most 4000 characters, not 4001',
    ],
    [
      { type: 'basic', username: 'u'.repeat(256), password: 'p' },
      'auth.username: must have at most 255 characters, not 256',
    ],
    [{ type: 'bearer', token: 't'.repeat(4_001) }, 'auth.token: must have at most 4000 characters, not 4001'],
    [{ type: 'basic', username: 'a', password: 'p', token: 't' }, 'auth.token: unknown field'],
    [{ type: 'bearer' }, 'auth.token: is required'],
    [{ type: 'bearer', token: 'two words' }, 'auth.token: must be one word of visible ASCII characters'],
    [{ type: 'bearer', token: 'ü' }, 'auth.token: must be one word of visible ASCII characters'],
  ])('%j is refused by the name of its member, without being quoted', (auth, message) => {
    expect(create({ auth }).faults).toStrictEqual([message]);
  });
});

describe('headers', () => {
  it('may be 20, with any visible value', () => {
    const many = Array.from({ length: 16 }, (_, n) => [`x-${n}`, String(n)]);
    const headers = {
      ...Object.fromEntries(many),
      [`x-${'n'.repeat(98)}`]: 'v'.repeat(4_000),
      Authorization: 'ApiKey x',
      'X-Empty': '',
      'x-list': 'a, b;\t"c"',
    };
    expect(create({ headers }).credentials).toStrictEqual({ headers });
  });

  it.each([
    ...['Connection', 'keep-alive', 'Proxy-Authorization', 'proxy-connection', 'TE', 'trailer', 'transfer-encoding'],
    ...['upgrade', 'expect', 'Host', 'content-length', 'Content-Type', 'content-encoding', 'User-Agent', 'traceparent'],
    ...['tracestate', 'switchhook-attempt', 'Switchhook-Anything', 'webhook-signature', 'X-CallFire-Signature'],
  ])('may not name %s: it is not for customers to set', (name) => {
    expect(create({ headers: { 'x-a': '1', [name]: 'x' } }).faults).toStrictEqual([
      `headers.${name}: is not for customers to set`,
    ]);
  });

  it.each<[unknown, string]>([
    ['x: y', 'headers: must be an object of strings'],
    [{ 'x y': 'z' }, 'headers.x y: is not the name of a header'],
    [{ '': 'z' }, 'headers.: is not the name of a header'],
    [{ 'x:': 'z' }, 'headers.x:: is not the name of a header'],
    [{ ['n'.repeat(101)]: 'z' }, `headers.${'n'.repeat(100)}: is not the name of a header`],
    [{ 'x-a': '1', 'X-A': '2' }, 'headers.X-A: is there twice'],
    [{ 'x-a': 1 }, 'headers.x-a: must be a string'],
    [{ 'x-a': null }, 'headers.x-a: must be a string'],
    [{ 'x-a': 'b\r\nhost: c' }, 'headers.x-a: must be visible ASCII characters, with blanks only between them'],
    [{ 'x-a': ' b' }, 'headers.x-a: must be visible ASCII characters, with blanks only between them'],
    [{ 'x-a': 'ü' }, 'headers.x-a: must be visible ASCII characters, with blanks only between them'],
    [{ 'x-a': 'b'.repeat(4_001) }, 'headers.x-a: must have at most 4000 characters, not 4001'],
    [
      Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`x-${n}`, ''])),
      'headers: must have at most 20 names, not 21',
    ],
    [['x-a'], 'headers: must be an object of names and values'],
  ])('%j is refused by the name', (headers, message) => {
    expect(create({ headers }).faults).toStrictEqual([message]);
  });

  it('that are sent back as they are shown, by their names, stay', () => {
    const current = { headers: { 'X-A': sealed, 'x-b': sealed } };
    expect(change({ headers: ['x-b', 'X-A'] }, current).credentials).toStrictEqual({});
    expect(change({ headers: ['X-A'] }, current).faults).toStrictEqual([
      'headers: must be an object of names and values',
    ]);
  });

  it('may not hold Authorization beside auth, whichever came first', () => {
    const auth = { type: 'bearer', token: sealed } as const;
    const twice = ['headers.Authorization: must not be there beside auth'];
    const headers = { Authorization: 'x' };
    expect(create({ headers, auth: { type: 'bearer', token: 't' } }).faults).toStrictEqual(twice);
    expect(change({ headers }, { auth }).faults).toStrictEqual(twice);
    expect(
      change({ auth: { type: 'bearer', token: 't' } }, { headers: { Authorization: sealed } }).faults,
    ).toStrictEqual(twice);
    expect(change({ headers, auth: null }, { auth }).credentials).toStrictEqual({ headers, auth: null });
    expect(
      change({ auth: { type: 'bearer', token: 't' }, headers: null }, { headers: { Authorization: sealed } }).faults,
    ).toBeUndefined();
  });
});

describe('tls', () => {
  const stored = { caCertificates: 'ca', clientCertificate: 'cert', clientKey: sealed };

  it('is looked at as a whole, and a key in the clear stays apart from a sealed one', () => {
    const tls = { caCertificates: 'ca2', clientCertificate: 'cert2', clientKey: 'key2' };
    const { credentials, looked } = create({ tls });
    expect(credentials).toStrictEqual({ tls });
    expect(looked).toStrictEqual([{ ...tls, currentCertificate: undefined }]);
  });

  it('changes member by member: absent stays, null clears, a key goes with its certificate', () => {
    const after = (tls: object) => change({ tls }, { tls: stored }).credentials;
    expect(after({ caCertificates: 'ca2' })).toStrictEqual({ tls: { ...stored, caCertificates: 'ca2' } });
    expect(after({ caCertificates: null })).toStrictEqual({ tls: { clientCertificate: 'cert', clientKey: sealed } });
    expect(after({ clientCertificate: null })).toStrictEqual({ tls: { caCertificates: 'ca' } });
    expect(after({ clientCertificate: null, clientKey: null, caCertificates: null })).toStrictEqual({ tls: null });
    expect(after({ clientCertificate: 'cert2', clientKey: 'key2' })).toStrictEqual({
      tls: { caCertificates: 'ca', clientCertificate: 'cert2', clientKey: 'key2' },
    });
    expect(after({ ...stored, clientKey: undefined, hasClientKey: true })).toStrictEqual({ tls: stored });
    expect(change({ tls: null }, { tls: stored }).credentials).toStrictEqual({ tls: null });
    expect(change({ name: 'n' }, { tls: stored }).credentials).toStrictEqual({});
  });

  it('without a new key is compared with the certificate that the key fits', () => {
    const { looked } = change({ tls: { clientCertificate: 'cert2' } }, { tls: stored });
    expect(looked).toStrictEqual([
      { caCertificates: 'ca', clientCertificate: 'cert2', clientKey: undefined, currentCertificate: 'cert' },
    ]);
  });

  it.each<[unknown, string]>([
    ['pem', 'tls: must be an object'],
    [{ ca: 'x' }, 'tls.ca: unknown field'],
    [{ caCertificates: 5 }, 'tls.caCertificates: must be a string'],
    [{ ['n'.repeat(101)]: 'x' }, `tls.${'n'.repeat(100)}: unknown field`],
    [{ caCertificates: 'x'.repeat(100_001) }, 'tls.caCertificates: must have at most 100000 characters'],
    [{ clientKey: 'key' }, 'tls.clientKey: needs tls.clientCertificate'],
    [{ clientCertificate: 'cert' }, 'tls.clientKey: is required with tls.clientCertificate'],
  ])('%.50j is refused by the name of its member', (tls, message) => {
    expect(create({ tls }).faults).toStrictEqual([message]);
  });

  it('has the faults that its certificates have', () => {
    const faults: TlsFaults = () => [{ field: 'tls.clientKey', message: 'tls.clientKey: does not fit' }];
    expect(read({ tls: { caCertificates: 'x' } }, undefined, faults).faults).toStrictEqual([
      'tls.clientKey: does not fit',
    ]);
  });
});
