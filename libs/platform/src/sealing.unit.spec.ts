import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyRing, generateKeys } from './keys.js';
import { open, seal, type SealContext } from './sealing.js';

const keys = generateKeys();
const keyRing = createKeyRing(keys);
const publicOnly = createKeyRing(keys.map(({ private: _, ...key }) => key));
const context: SealContext = { accountId: 1, webhookId: 2, field: 'secret' };

const contexts = fc.record({
  accountId: fc.nat(),
  webhookId: fc.nat(),
  field: fc.constantFrom('secret', 'auth.password', 'headers.x'),
});

describe('sealing', () => {
  it('opens as what it was sealed for, whatever the text', async () => {
    await fc.assert(
      fc.asyncProperty(contexts, fc.string({ unit: 'grapheme' }), async (its, text) => {
        const sealed = await seal(publicOnly, 'signing', its, text);
        expect(await open(keyRing, 'signing', its, sealed)).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  it('does not open when any one part of the context is another', async () => {
    const changes = fc.oneof(
      fc.record({ accountId: fc.nat() }),
      fc.record({ webhookId: fc.nat() }),
      fc.record({ field: fc.string() }),
    );
    await fc.assert(
      fc.asyncProperty(contexts, changes, async (its, change) => {
        const other = { ...its, ...change };
        fc.pre(JSON.stringify(its) !== JSON.stringify(other));
        const sealed = await seal(keyRing, 'signing', its, 'whsec_abc');
        await expect(open(keyRing, 'signing', other, sealed)).rejects.toThrow(/does not open/);
      }),
      { numRuns: 50 },
    );
  });

  it('does not open with another key, for another use, or without the private key', async () => {
    const sealed = await seal(keyRing, 'signing', context, 'whsec_abc');
    const stranger = createKeyRing(generateKeys().map((key) => ({ ...key, id: sealed.keyId })));
    const swapped = createKeyRing(keys.map((key) => (key.use === 'signing' ? { ...key, use: 'delivery' } : key)));
    await expect(open(stranger, 'signing', context, sealed)).rejects.toThrow(/does not open "secret" of webhook 2/);
    await expect(open(swapped, 'delivery', context, sealed)).rejects.toThrow(/does not open/);
    await expect(open(publicOnly, 'signing', context, sealed)).rejects.toThrow(/No private key/);
  });

  it('notices every changed byte', async () => {
    const sealed = await seal(keyRing, 'delivery', context, 'password');
    for (const part of ['ciphertext', 'encapsulated'] as const) {
      const bytes = Buffer.from(sealed[part], 'base64url');
      for (let at = 0; at < bytes.length; at += 7) {
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
        const forged = { ...sealed, [part]: changed.toString('base64url') };
        await expect(open(keyRing, 'delivery', context, forged)).rejects.toThrow();
      }
    }
  });

  it('still opens with an older key, and seals with the first', async () => {
    const sealed = await seal(keyRing, 'signing', context, 'old');
    const rotated = createKeyRing([...generateKeys(), ...keys]);
    expect(await open(rotated, 'signing', context, sealed)).toBe('old');
    expect((await seal(rotated, 'signing', context, 'new')).keyId).not.toBe(sealed.keyId);
  });
});
