import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import type { Sealed } from '@switchhook/contracts';
import type { KeyRing } from './keys.js';

/** Who may open: the service that has the private key. */
export type SealUse = 'signing' | 'delivery';

/** What a sealed text belongs to; it opens as that and nothing else. */
export interface SealContext {
  readonly accountId: number;
  readonly webhookId: number;
  /** Such as `secret` or `auth.password`. */
  readonly field: string;
}

/** RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (architecture.md §2.6). */
const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

/** Seals `plaintext` to the current key of `use`. Needs the public key only. */
export async function seal(keyRing: KeyRing, use: SealUse, context: SealContext, plaintext: string): Promise<Sealed> {
  const key = keyRing.current(use);
  const recipientPublicKey = await importKey(key.public, true);
  const sender = await suite.createSenderContext({ recipientPublicKey, info: infoOf(use) });
  const ciphertext = await sender.seal(bytes(plaintext), associatedData(context));
  return {
    keyId: key.id,
    encapsulated: Buffer.from(sender.enc).toString('base64url'),
    ciphertext: Buffer.from(ciphertext).toString('base64url'),
  };
}

/**
 * The text that was sealed. Throws when this process has not the private key, or the context or any byte is another; the
 * message names key, account, webhook and field, never a content.
 */
export async function open(keyRing: KeyRing, use: SealUse, context: SealContext, sealed: Sealed): Promise<string> {
  const key = keyRing.find(use, sealed.keyId);
  if (!key?.private) throw new Error(`No private key "${sealed.keyId}" for ${use} to open ${nameOf(context)}`);
  try {
    const recipient = await suite.createRecipientContext({
      recipientKey: await importKey(key.private, false),
      enc: arrayBuffer(Buffer.from(sealed.encapsulated, 'base64url')),
      info: infoOf(use),
    });
    const opened = await recipient.open(
      arrayBuffer(Buffer.from(sealed.ciphertext, 'base64url')),
      associatedData(context),
    );
    return Buffer.from(opened).toString('utf8');
  } catch (error) {
    throw new Error(`Key "${sealed.keyId}" does not open ${nameOf(context)}`, { cause: error });
  }
}

const importKey = (text: string | undefined, isPublic: boolean) =>
  suite.kem.importKey('raw', arrayBuffer(Buffer.from(text ?? '', 'base64url')), isPublic);

const infoOf = (use: SealUse): ArrayBuffer => bytes(`switchhook/v1/${use}`);

/** U+241F cannot occur in the numbers, and the field comes last: no two contexts give the same text. */
const associatedData = ({ accountId, webhookId, field }: SealContext): ArrayBuffer =>
  bytes(`${accountId}\u241f${webhookId}\u241f${field}`);

const nameOf = ({ accountId, webhookId, field }: SealContext): string =>
  `"${field}" of webhook ${webhookId} of account ${accountId}`;

const bytes = (text: string): ArrayBuffer => arrayBuffer(Buffer.from(text, 'utf8'));

/** A copy with a buffer of its own: Node's small Buffers share one. */
const arrayBuffer = (buffer: Buffer): ArrayBuffer => new Uint8Array(buffer).buffer;
