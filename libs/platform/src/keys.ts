import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { z } from 'zod';

/**
 * `signing`, `delivery`: X25519 pairs that secrets are sealed to (HPKE). `credentials`: the HMAC secret of stored
 * credentials. `audit`: the Ed25519 pair that signs the heads of the audit chain.
 */
export const KEY_USES = ['signing', 'delivery', 'credentials', 'audit'] as const;
export type KeyUse = (typeof KEY_USES)[number];

const Key32 = z
  .base64url()
  .refine((text) => Buffer.from(text, 'base64url').length === 32, 'must be 32 bytes, base64url');

const KeySchema = z
  .strictObject({
    id: z.string().min(1).max(64),
    use: z.enum(KEY_USES),
    public: Key32.optional(),
    private: Key32.optional(),
    secret: Key32.optional(),
  })
  .refine(
    (key) => (key.use === 'credentials') === (key.secret !== undefined),
    'credentials has a secret, no other use has',
  )
  .refine((key) => key.use === 'credentials' || key.public !== undefined, 'must have a public key');

export const KeyFileSchema = z.array(KeySchema);

/** One key of the file; its parts are raw 32 bytes, base64url (RFC 8037 `x` and `d` for the pairs). */
export type Key = z.infer<typeof KeySchema>;

/** The keys of this process. The first of a use is the current one; the others still open what was made with them. */
export interface KeyRing {
  /** Throws when there is none of that use. */
  current(use: KeyUse): Key;
  find(use: KeyUse, id: string): Key | undefined;
  all(use: KeyUse): readonly Key[];
}

export function createKeyRing(keys: readonly Key[]): KeyRing {
  const all = (use: KeyUse): readonly Key[] => keys.filter((key) => key.use === use);
  return {
    all,
    find: (use, id) => keys.find((key) => key.use === use && key.id === id),
    current: (use) => {
      const [first] = all(use);
      if (!first) throw new Error(`The key file has no key for "${use}"`);
      return first;
    },
  };
}

/** The secrets of the use `credentials`, the current one first. */
export const credentialSecrets = (keyRing: KeyRing): Buffer[] =>
  keyRing.all('credentials').map((key) => Buffer.from(key.secret ?? '', 'base64url'));

/** A new key of every use. */
export function generateKeys(): Key[] {
  return KEY_USES.map((use) => {
    const id = `${use}-${randomBytes(4).toString('hex')}`;
    if (use === 'credentials') return { id, use, secret: randomBytes(32).toString('base64url') };
    const { x, d } = newPair(use).privateKey.export({ format: 'jwk' });
    return { id, use, public: x, private: d };
  });
}

// Two calls: the overloads of generateKeyPairSync take one literal each.
const newPair = (use: KeyUse) => (use === 'audit' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519'));
