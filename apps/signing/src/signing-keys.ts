import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import type { Sealed, Webhook } from '@switchhook/contracts';
import { profileOf } from '@switchhook/domain';
import { LRUCache } from 'lru-cache';

/** Opens what is sealed to signing as the `secret` of this webhook. Rejects when it cannot be opened. */
export type OpenSecret = (webhook: Webhook, sealed: Sealed) => Promise<string>;

/** The keys that a webhook's calls are signed with; none when its calls are not signed. */
export interface Keys {
  readonly keys: readonly KeyObject[];
  readonly keyIds: readonly string[];
}

/** The secret cannot be opened by us, or is none of the profile's. */
export interface UnreadableSecret {
  readonly unreadable: string;
}

const UNSIGNED: Keys = { keys: [], keyIds: [] };

/**
 * Signing keys, opened once per version of a webhook that changes its calls. Who asks while a secret is being opened waits
 * for the same opening. A secret that does not open is remembered too: asking again would answer the same.
 */
export class SigningKeys {
  readonly #opened: LRUCache<string, Keys | UnreadableSecret>;
  readonly #opening = new Map<string, Promise<Keys | UnreadableSecret>>();

  constructor(
    private readonly openSecret: OpenSecret,
    private readonly report: (webhook: Webhook, error: unknown) => void,
    keptMax: number,
  ) {
    this.#opened = new LRUCache({ max: keptMax });
  }

  /** The keys of `webhook` as it is in this version: at once when they are known. Never rejects. */
  keysOf(webhook: Webhook): Keys | UnreadableSecret | Promise<Keys | UnreadableSecret> {
    const { secret } = webhook;
    if (!secret) return UNSIGNED;
    const name = `${webhook.id}/${webhook.callVersion}`;
    const known = this.#opened.get(name) ?? this.#opening.get(name);
    if (known) return known;
    const opening = this.#open(webhook, secret).then((keys) => {
      this.#opened.set(name, keys);
      this.#opening.delete(name);
      return keys;
    });
    this.#opening.set(name, opening);
    return opening;
  }

  async #open(webhook: Webhook, secret: Sealed): Promise<Keys | UnreadableSecret> {
    try {
      const text = await this.openSecret(webhook, secret);
      const key = createSecretKey(profileOf(webhook.profile).secretToKey(text));
      return { keys: [key], keyIds: [keyIdOf(secret)] };
    } catch (error) {
      this.report(webhook, error);
      return { unreadable: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** A name for the key in the delivery log: of what is sealed, so that it tells nothing about a short secret. */
const keyIdOf = ({ ciphertext }: Sealed): string =>
  `sk_${createHash('sha256').update(ciphertext).digest('hex').slice(0, 12)}`;
