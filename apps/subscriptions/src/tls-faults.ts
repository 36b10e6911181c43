import { X509Certificate, createPrivateKey, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Fault } from '@switchhook/contracts';
import type { TlsTexts } from '@switchhook/domain';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * What is wrong with the PEM texts of `tls`, each fault named by its member; none: delivery can use them. No message quotes
 * a key.
 */
export function tlsFaults(
  { caCertificates, clientCertificate, clientKey, currentCertificate }: TlsTexts,
  nowMs: number,
): Fault[] {
  const faults: Fault[] = [];
  const note = (member: string, words: string | undefined): void => {
    const field = `tls.${member}`;
    if (words !== undefined) faults.push({ field, message: `${field}: ${words}` });
  };
  if (caCertificates !== undefined)
    note(
      'caCertificates',
      wordsOf(() => void certificatesOf(caCertificates)),
    );
  if (clientCertificate === undefined) return faults;
  const own = attempt(() => certificatesOf(clientCertificate)[0]!);
  note('clientCertificate', 'words' in own ? own.words : validityFault(own.value, nowMs));
  const key = clientKey === undefined ? undefined : attempt(() => privateKeyOf(clientKey));
  if (key && 'words' in key) note('clientKey', key.words);
  else if (!('words' in own)) note('clientKey', fitFault(own.value, key?.value, currentCertificate));
  if (faults.length === 0) note('clientCertificate', usableFault(clientCertificate, clientKey));
  return faults;
}

/** The certificates of a PEM text, in order. Throws an Error in words for the customer when there is none, or one is damaged. */
function certificatesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(CERTIFICATE);
  if (!blocks) throw new Error('must be PEM with "-----BEGIN CERTIFICATE-----"');
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new Error(`certificate ${index + 1} of ${blocks.length} cannot be read`);
    }
  });
}

function privateKeyOf(pem: string): KeyObject {
  if (/BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(pem)) throw new Error('must not be protected by a passphrase');
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem))
    throw new Error('must be PEM with "-----BEGIN PRIVATE KEY-----"');
  try {
    return createPrivateKey(pem);
  } catch {
    throw new Error('cannot be read');
  }
}

function validityFault(certificate: X509Certificate, nowMs: number): string | undefined {
  if (certificate.validToDate.getTime() <= nowMs) return `expired on ${certificate.validToDate.toISOString()}`;
  const { validFromDate } = certificate;
  return validFromDate.getTime() > nowMs ? `is not valid before ${validFromDate.toISOString()}` : undefined;
}

/** A key that stays is sealed: it fits the new certificate if that has the public key of the one before. */
function fitFault(
  own: X509Certificate,
  key: KeyObject | undefined,
  currentCertificate: string | undefined,
): string | undefined {
  if (key) return own.checkPrivateKey(key) ? undefined : 'does not fit tls.clientCertificate';
  const isSameKey =
    currentCertificate !== undefined && certificatesOf(currentCertificate)[0]!.publicKey.equals(own.publicKey);
  return isSameKey ? undefined : 'must be given with another tls.clientCertificate';
}

/** What only OpenSSL knows, such as a key that is shorter than it allows. */
function usableFault(cert: string, key: string | undefined): string | undefined {
  return (
    wordsOf(() => void createSecureContext({ cert, ...(key !== undefined && { key }) })) && 'cannot be used for TLS'
  );
}

type Attempted<T> = { readonly value: T } | { readonly words: string };

function attempt<T>(read: () => T): Attempted<T> {
  try {
    return { value: read() };
  } catch (error) {
    return { words: error instanceof Error ? error.message : 'cannot be read' };
  }
}

function wordsOf(read: () => void): string | undefined {
  const attempted = attempt(read);
  return 'words' in attempted ? attempted.words : undefined;
}
