import type { KeyObject } from 'node:crypto';
import type { ProfileName, TelephonyEvent, Webhook } from '@switchhook/contracts';
import type { CallClass, Consequence } from '../call-class.js';

/** Numbers and choices of a profile. Webhooks may have their own `timeoutMs` and `retry`. */
export interface ProfileRules {
  /** For the whole exchange. */
  readonly timeoutMs: number;
  /** The wait before the second attempt, the third, and so on. */
  readonly delaysMs: readonly number[];
  /** From the acceptance of the event; after it the delivery has expired. */
  readonly maxAgeMs: number;
  readonly schemes: readonly ('http:' | 'https:')[];
  readonly portAllowed: (port: number) => boolean;
  /** What follows from each kind of call. Redirects are never followed, whatever it says. */
  readonly outcomes: Readonly<Record<CallClass, Consequence>>;
  /** How long a webhook may fail without one success until it is disabled; null: for ever. */
  readonly failingLimitMs: number | null;
  /**
   * When a webhook's `fallbackCallback` is asked: after each failure of the primary, or when its tries are used up. In both, also
   * while the primary's breaker is open.
   */
  readonly fallback: 'never' | 'at-once' | 'after-tries';
  /** How many random bytes make the secret of a webhook that was created without one; 0 where none is made. */
  readonly generatedSecretBytes: number;
}

/** How the calls of a webhook look: data, and pure functions over an event. Nothing else asks which vendor it serves. */
export interface Profile {
  readonly name: ProfileName;
  readonly rules: ProfileRules;
  /** The HMAC key in a secret that a customer gave. Throws an Error that names the rule, without the secret. */
  secretToKey(secret: string): Buffer;
  /** The secret to show to the customer for a key that we made: the inverse of `secretToKey`. */
  keyToSecret(key: Buffer): string;
  /** The body, identical on every attempt under one version of the webhook. */
  render(input: { event: TelephonyEvent; webhook: Webhook; deliveryId: string }): Buffer;
  /** The headers that are the profile's, the content type and the signature among them. `keys`: the current one first. */
  sign(input: {
    body: Buffer;
    webhook: Webhook;
    deliveryId: string;
    keys: readonly KeyObject[];
    nowMs: number;
  }): Record<string, string>;
  /** Whether the answer means that the receiver has it. */
  accepts(statusCode: number): boolean;
}
