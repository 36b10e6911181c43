import { createAuthority, type Authority, type Certified } from '@switchhook/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { tlsFaults } from './tls-faults.js';

let authority: Authority;
let client: Certified;
const DAY_MS = 24 * 60 * 60 * 1_000;
const NONE = { clientKey: undefined, currentCertificate: undefined };
const messages = (texts: Partial<Parameters<typeof tlsFaults>[0]>, nowMs = Date.now()) =>
  tlsFaults({ ...NONE, ...texts }, nowMs).map(({ message }) => message);

beforeAll(async () => {
  authority = await createAuthority();
  client = await authority.issue({ name: 'switchhook' });
});

describe('the certificates of a webhook', () => {
  it('are taken when they can be used, with those between and any kind of key', async () => {
    const rsa = await authority.issue({ newKey: ['rsa:2048'] });
    expect(messages({ caCertificates: `${authority.cert}\n# and more\n${client.cert}` })).toEqual([]);
    expect(messages({ clientCertificate: client.cert + authority.cert, clientKey: client.key })).toEqual([]);
    expect(messages({ clientCertificate: rsa.cert, clientKey: rsa.key })).toEqual([]);
  });

  it.each(['', 'nonsense', '-----BEGIN CERTIFICATE-----', 'MIIBszCCAVmgAwIBAgIUB'])('are no PEM: %j', (pem) => {
    expect(messages({ caCertificates: pem })).toEqual([
      'tls.caCertificates: must be PEM with "-----BEGIN CERTIFICATE-----"',
    ]);
    expect(messages({ clientCertificate: pem, clientKey: client.key })).toEqual([
      'tls.clientCertificate: must be PEM with "-----BEGIN CERTIFICATE-----"',
    ]);
  });

  it('are told by their number when one cannot be read', () => {
    const damaged = authority.cert.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
    expect(messages({ caCertificates: client.cert + damaged })).toEqual([
      'tls.caCertificates: certificate 2 of 2 cannot be read',
    ]);
  });

  it('must be valid now', async () => {
    const expired = await authority.issue({ days: -1 });
    expect(messages({ clientCertificate: expired.cert, clientKey: expired.key })).toEqual([
      expect.stringMatching(/^tls\.clientCertificate: expired on \d{4}-/),
    ]);
    const early = messages({ clientCertificate: client.cert, clientKey: client.key }, Date.now() - DAY_MS);
    expect(early).toEqual([expect.stringMatching(/^tls\.clientCertificate: is not valid before \d{4}-/)]);
  });

  it('must not use a key that TLS does not take', async () => {
    const short = await authority.issue({ newKey: ['rsa:512'] });
    expect(messages({ clientCertificate: short.cert, clientKey: short.key })).toEqual([
      'tls.clientCertificate: cannot be used for TLS',
    ]);
  });
});

describe('the key of a client certificate', () => {
  it.each([
    ['nonsense', 'must be PEM with "-----BEGIN PRIVATE KEY-----"'],
    ['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', 'cannot be read'],
    [
      '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----',
      'must not be protected by a passphrase',
    ],
  ])('is refused by name, without being quoted: %j', (clientKey, words) => {
    expect(messages({ clientCertificate: client.cert, clientKey })).toEqual([`tls.clientKey: ${words}`]);
  });

  it('must fit its certificate', () => {
    expect(messages({ clientCertificate: client.cert, clientKey: authority.key })).toEqual([
      'tls.clientKey: does not fit tls.clientCertificate',
    ]);
  });

  it('may stay when the new certificate has the same public key, and not otherwise', async () => {
    const renewed = await authority.issue({ name: 'renewed', key: client.key });
    const other = await authority.issue();
    const staying = (clientCertificate: string) => messages({ clientCertificate, currentCertificate: client.cert });
    expect(staying(renewed.cert)).toEqual([]);
    expect(staying(client.cert)).toEqual([]);
    expect(staying(other.cert)).toEqual(['tls.clientKey: must be given with another tls.clientCertificate']);
  });
});
