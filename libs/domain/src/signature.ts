import { createHmac, type KeyObject } from 'node:crypto';

const STANDARD_PREFIX = 'whsec_';
const STANDARD_KEY_BYTES = { min: 24, max: 64 } as const;

/**
 * The `webhook-signature` of Standard Webhooks 1.0 (symmetric, `v1`): HMAC-SHA256 over `<id>.<seconds>.<body>`, one
 * entry per key, separated by spaces, so that receivers accept either key while keys rotate. The body is not copied.
 */
export function standardSignature(
  keys: readonly KeyObject[],
  messageId: string,
  timestampSeconds: number,
  body: Buffer,
): string {
  const prefix = `${messageId}.${timestampSeconds}.`;
  return keys.map((key) => `v1,${createHmac('sha256', key).update(prefix).update(body).digest('base64')}`).join(' ');
}

/** The `X-CallFire-Signature` of a body: base64 of its HMAC-SHA1 (CallFire API samples, `verifyHMacSignature`). */
export function callfireSignature(key: KeyObject, body: Buffer): string {
  return createHmac('sha1', key).update(body).digest('base64');
}

/**
 * The key in a Standard Webhooks secret, `whsec_` and the base64 of 24 … 64 bytes.
 * Throws an Error with the rule that the secret breaks, never with the secret.
 */
export function decodeStandardSecret(secret: string): Buffer {
  const text = secret.startsWith(STANDARD_PREFIX) ? secret.slice(STANDARD_PREFIX.length) : undefined;
  const key = text === undefined ? undefined : Buffer.from(text, 'base64');
  // Buffer.from skips what is not base64: only a text that comes back the same was base64.
  if (key === undefined || withoutPadding(key.toString('base64')) !== withoutPadding(text!)) {
    throw new Error(`must be "${STANDARD_PREFIX}" followed by base64`);
  }
  if (key.length < STANDARD_KEY_BYTES.min || key.length > STANDARD_KEY_BYTES.max) {
    throw new Error(`must hold ${STANDARD_KEY_BYTES.min} to ${STANDARD_KEY_BYTES.max} bytes, not ${key.length}`);
  }
  return key;
}

/** The secret that holds `key`: what `decodeStandardSecret` reads. */
export const encodeStandardSecret = (key: Buffer): string => `${STANDARD_PREFIX}${key.toString('base64')}`;

const withoutPadding = (base64: string): string => base64.replace(/=+$/, '');
