/** At most `burst` at once, and `perSecond` on the average: a token bucket that holds `burst` tokens. */
export interface TokenRate {
  readonly perSecond: number;
  readonly burst: number;
}

/**
 * Takes a token, or `tokens`, at `nowMs`. A bucket is one number, the time at which it is full again (epoch ms; 0 or any time past: it
 * is full). Answers with that time after the taking, or with how long to wait for them, ms.
 * A clock that was put back costs no more than an empty bucket does.
 */
export function takeToken(
  { perSecond, burst }: TokenRate,
  fullAtMs: number,
  nowMs: number,
  tokens = 1,
): { readonly fullAtMs: number } | { readonly waitMs: number } {
  const takenMs = (tokens * 1_000) / perSecond;
  const emptyMs = (burst * 1_000) / perSecond;
  const lacksMs = Math.min(Math.max(0, fullAtMs - nowMs), emptyMs);
  const waitMs = lacksMs + takenMs - emptyMs;
  return waitMs > ROUNDING_MS ? { waitMs } : { fullAtMs: nowMs + lacksMs + takenMs };
}

/** Epoch milliseconds as a double are exact to a four-thousandth; sums of thirds are not. */
const ROUNDING_MS = 0.001;

/** How many tokens are in the bucket. */
export const tokensLeft = ({ perSecond, burst }: TokenRate, fullAtMs: number, nowMs: number): number =>
  Math.max(0, burst - (Math.max(0, fullAtMs - nowMs) * perSecond) / 1_000);

/** The time at which a bucket that is empty at `nowMs` is full again. */
export const emptyBucket = ({ perSecond, burst }: TokenRate, nowMs: number): number =>
  nowMs + (burst * 1_000) / perSecond;
