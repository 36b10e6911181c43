import { takeToken, type TokenRate } from '@switchhook/domain';

/** Buckets that are full again are looked for when there are this many. */
const SWEEP_AT = 10_000;

/** Which accounts ask for more deliveries than their rate: a token bucket for each that asked lately, in this process. */
export class AccountRates {
  /** By account: when its bucket is full again. */
  private readonly fullAt = new Map<number, number>();

  constructor(
    private readonly rate: TokenRate,
    private readonly now: () => number,
  ) {}

  /** Notes one delivery, or `count`; answers whether that is over the account's rate: then it is not noted. */
  isOver(accountId: number, count = 1): boolean {
    const nowMs = this.now();
    const taken = takeToken(this.rate, this.fullAt.get(accountId) ?? 0, nowMs, count);
    if ('waitMs' in taken) return true;
    if (this.fullAt.size >= SWEEP_AT && !this.fullAt.has(accountId)) this.sweep(nowMs);
    this.fullAt.set(accountId, taken.fullAtMs);
    return false;
  }

  private sweep(nowMs: number): void {
    for (const [accountId, fullAtMs] of this.fullAt) if (fullAtMs <= nowMs) this.fullAt.delete(accountId);
  }
}
