import type { Webhook } from '@switchhook/contracts';
import { profileOf } from './profiles/profile-of.js';

/** When a failed delivery is tried again, and until when. */
export interface DeliveryRetryPolicy {
  /** The wait before the second attempt, the third, and so on. */
  readonly delaysMs: readonly number[];
  /** From the acceptance of the event. */
  readonly maxAgeMs: number;
}

const JITTER = 0.1;
const LONGEST_RETRY_AFTER_MS = 24 * 60 * 60 * 1_000;

/** The webhook's own policy, and its profile's where it has none. */
export function retryPolicyOf(webhook: Pick<Webhook, 'profile' | 'retry'>): DeliveryRetryPolicy {
  const { rules } = profileOf(webhook.profile);
  return {
    delaysMs: webhook.retry?.delaysMs ?? rules.delaysMs,
    maxAgeMs: webhook.retry?.maxAgeMs ?? rules.maxAgeMs,
  };
}

/**
 * When the attempt after number `number` (from 1; 0: at once) is due, in epoch ms; or why there is none: the delays are used up
 * (`tries`), or it would come too late (`max-age`). `jitter` is a random number from 0 to 1 that spreads the delay by ±10 %.
 * A receiver's `Retry-After` is the least wait, of at most 24 h; it never makes an attempt come sooner.
 */
export function nextAttemptAt(input: {
  policy: DeliveryRetryPolicy;
  number: number;
  acceptedAt: number;
  nowMs: number;
  jitter: number;
  retryAfterMs?: number;
}): number | 'tries' | 'max-age' {
  const { policy, number, acceptedAt, nowMs, jitter, retryAfterMs = 0 } = input;
  const delayMs = number === 0 ? 0 : policy.delaysMs[number - 1];
  const deadline = acceptedAt + policy.maxAgeMs;
  if (delayMs === undefined) return 'tries';
  const spreadMs = Math.round(delayMs * (1 - JITTER + 2 * JITTER * jitter));
  const dueAt = nowMs + Math.max(spreadMs, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS));
  return dueAt > deadline ? 'max-age' : dueAt;
}
