import { afterEach, describe, expect, it } from 'vitest';
import { createSecretKey, randomBytes } from 'node:crypto';
import { encodeStandardSecret, standardSignature } from '@switchhook/domain';
import { openSampleReceiver, type SampleReceiver } from './sample-receiver.js';

const key = randomBytes(32);
const secret = encodeStandardSecret(key);
const body = '{"a":1}';

let receiver: SampleReceiver;
afterEach(() => receiver.close());

const call = (url: string, signature: string): Promise<number> =>
  fetch(url, {
    method: 'POST',
    body,
    headers: { 'webhook-id': 'id', 'webhook-timestamp': '1700000000', 'webhook-signature': signature },
  }).then(({ status }) => status);

const signedWith = (bytes: Buffer): string =>
  standardSignature([createSecretKey(bytes)], 'id', 1700000000, Buffer.from(body));
const never = new AbortController().signal;

describe('receiver of the sample event', () => {
  it('accepts what the product signs, also beside the signature of another key', async () => {
    receiver = await openSampleReceiver();
    const verified = receiver.nextVerified(secret, never);
    expect(await call(receiver.url, `${signedWith(randomBytes(32))} ${signedWith(key)}`)).toBe(204);
    await verified;
  });

  it.each(['', 'v1,', signedWith(randomBytes(32)), signedWith(key).replace('v1,', 'v2,')])(
    'refuses any other signature: "%s"',
    async (signature) => {
      receiver = await openSampleReceiver();
      const verified = expect(receiver.nextVerified(secret, never)).rejects.toThrow(
        'The signature of the call is wrong',
      );
      expect(await call(receiver.url, signature)).toBe(400);
      await verified;
    },
  );

  it('answers nobody who does not know its path, and gives up when nothing comes', async () => {
    receiver = await openSampleReceiver();
    const waiting = new AbortController();
    const verified = expect(receiver.nextVerified(secret, waiting.signal)).rejects.toThrow('did not come in time');
    expect(await call(new URL('/', receiver.url).href, signedWith(key))).toBe(400);
    waiting.abort();
    await verified;
  });
});
