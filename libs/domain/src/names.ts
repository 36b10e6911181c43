import { hash } from 'node:crypto';
import type { Webhook } from '@switchhook/contracts';

/** Separates the parts of a name: SYMBOL FOR UNIT SEPARATOR. `source` may not hold it (cloud-event.ts), so parts cannot run together. */
export const NAME_SEPARATOR = '\u241f';

/** The UUID namespace of event keys: uuidv5 of `switchhook` in the DNS namespace of RFC 9562. Never change it: names are stored. */
const EVENT_NAMESPACE = 'c353516e-426f-56ec-ada5-4a1dc4f1793a';

/** The name under which an event is accepted once: `(accountId, source, id)`, never `(source, id)` alone. Returns a UUID. */
export function eventKey(accountId: number, source: string, id: string): string {
  return uuidv5(`${accountId}${NAME_SEPARATOR}${source}${NAME_SEPARATOR}${id}`, EVENT_NAMESPACE);
}

/** The name of what a webhook gets of an event: the same on every attempt and in every run. Returns a UUID. */
export function deliveryId(ofEvent: string, webhookId: number): string {
  return uuidv5(String(webhookId), ofEvent);
}

/** The name of the run that replay job or manual retry `jobId` (a UUID) opens for a delivery. Returns a UUID. */
export function runId(jobId: string, ofDelivery: string): string {
  return uuidv5(ofDelivery, jobId);
}

/**
 * The name of an endpoint: what one circuit breaker guards. Account, origin, path and TLS profile; the query is left out,
 * because it tells the deliveries of one server apart, not servers. Throws when `url` is none.
 */
export function endpointKey(accountId: number, url: string, tlsProfile: string): string {
  const { origin, pathname } = new URL(url);
  return hash('sha256', [accountId, origin, pathname, tlsProfile].join(NAME_SEPARATOR), 'base64url');
}

/** The name of how a webhook's calls use TLS. A client certificate stands for its key, which is sealed. */
export function tlsProfile({ nonStrictSsl, tls }: Pick<Webhook, 'nonStrictSsl' | 'tls'>): string {
  const checks = nonStrictSsl ? 'any-certificate' : 'strict';
  if (tls === undefined) return checks;
  const texts = [tls.caCertificates ?? '', tls.clientCertificate ?? ''].join(NAME_SEPARATOR);
  return `${checks}/${hash('sha256', texts, 'base64url')}`;
}

/** Where short names are laid out: hashing is synchronous, so one place is enough. The namespace of events lies there for good. */
const SHORT_NAME_CHARS = 340;
const eventInput = Buffer.alloc(16 + 3 * SHORT_NAME_CHARS);
eventInput.write(EVENT_NAMESPACE.replaceAll('-', ''), 0, 16, 'hex');

function inputOf(name: string, namespace: string): Buffer {
  if (namespace === EVENT_NAMESPACE && name.length <= SHORT_NAME_CHARS) {
    return eventInput.subarray(0, 16 + eventInput.write(name, 16));
  }
  const nameBytes = Buffer.byteLength(name);
  const input = Buffer.allocUnsafe(16 + nameBytes);
  if (input.write(namespace.replaceAll('-', ''), 0, 16, 'hex') !== 16) throw new Error(`"${namespace}" is not a UUID`);
  input.write(name, 16, nameBytes, 'utf8');
  return input;
}

/** A name-based UUID, version 5 (RFC 9562 §5.5): SHA-1 over the namespace's 16 bytes and the name in UTF-8. */
export function uuidv5(name: string, namespace: string): string {
  const input = inputOf(name, namespace);
  // As text from the start: a digest as a Buffer costs four times as much as the digest itself.
  const hex = hash('sha1', input, 'hex');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
