import type { RateLimit } from '@switchhook/contracts';
import { emptyBucket, takeToken, tokensLeft } from '@switchhook/domain';

/** The token buckets of webhooks with a rate limit; one that is full again is forgotten, so an idle webhook costs nothing. */
export class RateBuckets {
  /** By webhook: when its bucket is full again. */
  private readonly fullAt = new Map<number, number>();

  constructor(private readonly now: () => number) {}

  /** Takes a token: 0, or how long to wait for one, ms. */
  take(webhookId: number, rate: RateLimit): number {
    const taken = takeToken(rate, this.fullAt.get(webhookId) ?? 0, this.now());
    if ('waitMs' in taken) return taken.waitMs;
    this.fullAt.set(webhookId, taken.fullAtMs);
    return 0;
  }

  /** How many tokens it has within `withinMs`. */
  within(webhookId: number, rate: RateLimit, withinMs: number): number {
    const left = tokensLeft(rate, this.fullAt.get(webhookId) ?? 0, this.now());
    return Math.floor(left + (withinMs / 1_000) * rate.perSecond);
  }

  /** Takes all that is in it: what comes next begins at the rate, without a burst. */
  empty(webhookId: number, rate: RateLimit): void {
    const fullAtMs = this.fullAt.get(webhookId) ?? 0;
    this.fullAt.set(webhookId, Math.max(fullAtMs, emptyBucket(rate, this.now())));
  }

  /** Forgets the full ones. */
  sweep(): void {
    const now = this.now();
    for (const [webhookId, fullAtMs] of this.fullAt) if (fullAtMs <= now) this.fullAt.delete(webhookId);
  }

  count(): number {
    return this.fullAt.size;
  }
}
