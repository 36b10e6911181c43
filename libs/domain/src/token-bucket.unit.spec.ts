import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyBucket, takeToken, tokensLeft } from './token-bucket.js';

/** Takes at each of `times`; answers with the times at which there was a token. */
function grants(rate: { perSecond: number; burst: number }, times: readonly number[], start = 0): number[] {
  let fullAtMs = start;
  return times.filter((nowMs) => {
    const taken = takeToken(rate, fullAtMs, nowMs);
    if ('waitMs' in taken) return false;
    fullAtMs = taken.fullAtMs;
    return true;
  });
}

const RATE = fc.record({
  perSecond: fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0.05, max: 100, noNaN: true })),
  burst: fc.integer({ min: 1, max: 50 }),
});
const EPOCH_MS = 1_700_000_000_000;

describe('a token bucket', () => {
  it('gives its burst at once, then one token each time that one has come back', () => {
    const rate = { perSecond: 10, burst: 3 };
    expect(grants(rate, [0, 0, 0, 0, 99, 100, 150, 200, 200])).toEqual([0, 0, 0, 100, 200]);
    expect(takeToken(rate, 300, 0)).toEqual({ waitMs: 100 });
    expect([0, 100, 300, 400].map((fullAtMs) => tokensLeft(rate, fullAtMs, 0))).toEqual([3, 2, 0, 0]);
  });

  it('gives nothing from an empty one before the first token', () => {
    const rate = { perSecond: 2, burst: 5 };
    expect(grants(rate, [0, 499, 500, 501], emptyBucket(rate, 0))).toEqual([500]);
  });

  it('is never empty for longer than its size, however far the clock is put back', () => {
    const taken = takeToken({ perSecond: 1, burst: 2 }, EPOCH_MS, 5);
    expect(taken).toEqual({ waitMs: 1_000 });
  });

  it('never gives more than burst + perSecond × time, whenever it is asked', () => {
    fc.assert(
      fc.property(RATE, fc.array(fc.nat({ max: 400 }), { maxLength: 200 }), (rate, gapsMs) => {
        let at = EPOCH_MS;
        const given = grants(
          rate,
          gapsMs.map((gapMs) => (at += gapMs)),
        );
        for (const [first, from] of given.entries()) {
          for (let last = first; last < given.length; last++) {
            const allowed = rate.burst + ((given[last]! - from) / 1_000) * rate.perSecond;
            expect(last - first + 1).toBeLessThanOrEqual(allowed + 0.1);
          }
        }
      }),
    );
  });

  it('has a token after the wait that it said, and gives all that the rate allows to who comes back then', () => {
    fc.assert(
      fc.property(RATE, fc.integer({ min: 1, max: 100 }), (rate, count) => {
        let [fullAtMs, nowMs] = [0, EPOCH_MS];
        for (let given = 0; given < count;) {
          const taken = takeToken(rate, fullAtMs, nowMs);
          if ('waitMs' in taken) nowMs += taken.waitMs;
          else [fullAtMs, given] = [taken.fullAtMs, given + 1];
        }
        const expectedMs = (Math.max(0, count - rate.burst) * 1_000) / rate.perSecond;
        expect(Math.abs(nowMs - EPOCH_MS - expectedMs)).toBeLessThan(1);
      }),
    );
  });
});
