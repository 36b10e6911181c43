import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ageWaiting, oldestWaitingAt, waitChange, type WaitingAges } from './waiting-ages.js';

const HOUR = 3_600_000;
const LONG = { nowMs: 100 * HOUR, maxAgeMs: 100 * HOUR };
const after = (changes: readonly (readonly ['begins' | 'ends', number])[], times = LONG): WaitingAges =>
  changes.reduce<WaitingAges>(
    (waiting, [change, acceptedAt]) => ageWaiting(waiting, change, { acceptedAt, ...times }),
    [],
  );

describe('whether a delivery waits', () => {
  it.each([
    ['begins when its first attempt is to be made again or is put off', false, 1, 0, 'begins'],
    ['goes on when it is put off again', false, 1, 1, 'goes on'],
    ['goes on with every further attempt', false, 2, 0, 'goes on'],
    ['ends with its last attempt', true, 3, 0, 'ends'],
    ['ends with its first, when that was put off', true, 1, 2, 'ends'],
    ['does not begin for what ends at once', true, 1, 0, 'none'],
  ] as const)('%s', (_what, ends, number, deferrals, change) => {
    expect(waitChange(ends, { number, deferrals })).toBe(change);
  });
});

describe('the age of what waits longest', () => {
  it('is that of the oldest, and of the next oldest when that has ended', () => {
    const two = after([
      ['begins', 5 * HOUR + 1],
      ['begins', 2 * HOUR + 7],
    ]);
    expect(oldestWaitingAt(two, LONG)).toBe(2 * HOUR + 7);
    expect(oldestWaitingAt(ageWaiting(two, 'ends', { acceptedAt: 2 * HOUR + 7, ...LONG }), LONG)).toBe(5 * HOUR + 1);
  });

  it('is none when all have ended', () => {
    expect(after([['begins', 1], ['ends', 1]])).toEqual([]); // prettier-ignore
    expect(oldestWaitingAt([], LONG)).toBeUndefined();
  });

  it('is none for an end of which no beginning was seen', () => {
    expect(after([['ends', 1]])).toEqual([]);
  });

  it('is never that of something older than a delivery may become', () => {
    const times = { nowMs: 10 * HOUR, maxAgeMs: HOUR };
    expect(oldestWaitingAt(after([['begins', 2 * HOUR]]), times)).toBeUndefined();
    const twice = after([['begins', 2 * HOUR], ['begins', 2 * HOUR], ['ends', 2 * HOUR]]); // prettier-ignore
    expect(ageWaiting(twice, 'begins', { acceptedAt: 9.5 * HOUR, ...times })).toEqual([[9, 1, 9.5 * HOUR]]);
  });

  it('is never too short, and at most an hour too long, whatever begins and ends', () => {
    const accepted = fc.array(fc.record({ acceptedAt: fc.nat(20 * HOUR), ends: fc.boolean() }), { maxLength: 40 });
    fc.assert(
      fc.property(accepted, (deliveries) => {
        const waiting = after([
          ...deliveries.map(({ acceptedAt }) => ['begins', acceptedAt] as const),
          ...deliveries.filter(({ ends }) => ends).map(({ acceptedAt }) => ['ends', acceptedAt] as const),
        ]);
        const left = deliveries.filter(({ ends }) => !ends).map(({ acceptedAt }) => acceptedAt);
        const found = oldestWaitingAt(waiting, LONG);
        if (left.length === 0) return found === undefined;
        const oldest = Math.min(...left);
        return found !== undefined && found <= oldest && oldest - found < HOUR;
      }),
    );
  });
});
