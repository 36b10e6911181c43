import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SettleTracker } from './settle-tracker.js';

const gaps = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 200 });

describe('the progress of a partition', () => {
  it('is the oldest open record, whatever the order in which records are settled', () => {
    fc.assert(
      fc.property(gaps, fc.infiniteStream(fc.nat()), (steps, choices) => {
        const positions = steps.reduce<number[]>((list, step) => [...list, (list.at(-1) ?? 9) + step], []);
        const next = (positions.at(-1) ?? 0) + 5;
        const tracker = new SettleTracker(10);
        tracker.take(positions, next);
        const open = [...positions];
        while (open.length > 0) {
          expect(tracker.watermark).toBe(open[0]);
          expect(tracker.open).toBe(open.length);
          const [settled] = open.splice((choices.next().value ?? 0) % open.length, 1);
          tracker.settle(settled ?? -1);
          tracker.settle(settled ?? -1);
        }
        expect(tracker.watermark).toBe(next);
      }),
    );
  });

  it('moves past positions that hold no record for us', () => {
    const tracker = new SettleTracker(3);
    tracker.take([], 8);
    expect(tracker.watermark).toBe(8);
  });
});
