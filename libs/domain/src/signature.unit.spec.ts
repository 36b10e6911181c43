import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, it } from 'vitest';
import { callfireSignature, decodeStandardSecret, encodeStandardSecret, standardSignature } from './signature.js';

const keyBytes = fc.uint8Array({ minLength: 24, maxLength: 64 }).map((bytes) => Buffer.from(bytes));
const bodies = fc.json().map((text) => Buffer.from(text));

describe('standardSignature', () => {
  it('is accepted by the verifiers of Standard Webhooks and of Svix, for any key and body', () => {
    const timestamp = Math.floor(Date.now() / 1_000);
    fc.assert(
      fc.property(keyBytes, bodies, fc.uuid(), (bytes, body, id) => {
        const secret = encodeStandardSecret(bytes);
        const signature = standardSignature([createSecretKey(decodeStandardSecret(secret))], id, timestamp, body);
        const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
        new StandardWebhook(secret).verify(body.toString(), headers);
        new SvixWebhook(secret).verify(body, headers);
      }),
    );
  });

  it('carries one signature per key while keys rotate, and either key verifies it', () => {
    const timestamp = Math.floor(Date.now() / 1_000);
    const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const body = Buffer.from('{}');
    const signature = standardSignature([createSecretKey(one), createSecretKey(other)], 'id', timestamp, body);
    expect(signature).toMatch(/^v1,\S+ v1,\S+$/);
    const headers = { 'webhook-id': 'id', 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
    for (const key of [one, other]) new StandardWebhook(encodeStandardSecret(key)).verify('{}', headers);
    expect(() => new StandardWebhook(encodeStandardSecret(one)).verify('{ }', headers)).toThrow();
  });
});

describe('callfireSignature', () => {
  it("makes the signature of CallFire's own sample", () => {
    const body = Buffer.from('{"name":"test webhook", "callback":"sms:callfire"}');
    expect(callfireSignature(createSecretKey(Buffer.from('mysecrets')), body)).toBe('v14pF7d5C1+CHNIEWlg+sw9v0Xg=');
  });
});

describe('decodeStandardSecret', () => {
  it('reads back every key that was encoded', () => {
    fc.assert(fc.property(keyBytes, (bytes) => decodeStandardSecret(encodeStandardSecret(bytes)).equals(bytes)));
  });

  it.each([
    ['no prefix', Buffer.alloc(32).toString('base64'), 'must be "whsec_" followed by base64'],
    ['another text', 'whsec_not base64 at all!', 'must be "whsec_" followed by base64'],
    ['23 bytes', encodeStandardSecret(Buffer.alloc(23)), 'must hold 24 to 64 bytes, not 23'],
    ['65 bytes', encodeStandardSecret(Buffer.alloc(65)), 'must hold 24 to 64 bytes, not 65'],
    ['nothing', 'whsec_', 'must hold 24 to 64 bytes, not 0'],
  ])('refuses %s without showing the secret', (_name, secret, words) => {
    expect(() => decodeStandardSecret(secret)).toThrow(new Error(words));
  });
});
