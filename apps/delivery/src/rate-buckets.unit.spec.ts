import { describe, expect, it } from 'vitest';
import { RateBuckets } from './rate-buckets.js';

const RATE = { perSecond: 10, burst: 5 };

/** Calls that may begin at once, one after the other. */
const atOnce = (buckets: RateBuckets): number => {
  let calls = 0;
  while (buckets.take(1, RATE) === 0) calls += 1;
  return calls;
};

describe('the bucket of a webhook', () => {
  it('has its whole burst when it was never used, and again when it was left alone long enough', () => {
    let nowMs = 1_000;
    const buckets = new RateBuckets(() => nowMs);
    expect(atOnce(buckets)).toBe(5);
    nowMs += 500;
    expect(atOnce(buckets)).toBe(5);
  });

  it('is emptied, be it full, used a moment ago, or empty', () => {
    let nowMs = 1_000;
    const buckets = new RateBuckets(() => nowMs);
    buckets.empty(1, RATE);
    expect(atOnce(buckets)).toBe(0);
    nowMs += 300;
    expect(buckets.take(1, RATE)).toBe(0);
    buckets.empty(1, RATE);
    expect(atOnce(buckets)).toBe(0);
    buckets.empty(1, RATE);
    nowMs += 100;
    expect(atOnce(buckets)).toBe(1);
  });
});
