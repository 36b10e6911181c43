import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LogRecord } from '../event-log.js';
import { Partition } from './partition.js';
import { levelFor } from './partitions.js';

const recordAt = (position: number): LogRecord => ({
  topic: 't',
  partition: 0,
  position,
  appendedAtMs: position,
  key: null,
  value: null,
  headers: {},
});

const filled = (sizes: readonly number[], from = 0): Partition => {
  const partition = new Partition('t', 1, 0);
  partition.reset({ earliest: 0, next: from, lastAppendedAtMs: 0 });
  sizes.forEach((bytes, index) => partition.push(recordAt(from + index), bytes));
  return partition;
};

it('hands on what is in memory in order, within the limits, and at least one record', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 3_000 });
  const nat = fc.nat();
  fc.assert(
    fc.property(sizes, nat, nat, nat, fc.integer({ min: 1, max: 600 }), (all, from, shrink, start, limit) => {
      const partition = filled(all, from);
      const total = all.reduce((sum, bytes) => sum + bytes, 0);
      partition.shrinkTo(shrink % (total + 1));
      expect(partition.tailBytes).toBeLessThanOrEqual(shrink % (total + 1));
      if (partition.tailStart === partition.next) return;

      const position = partition.tailStart + (start % (partition.next - partition.tailStart));
      const taken = partition.fromTail(position, limit, 200).map((record) => record.position);
      expect(taken).toEqual(taken.map((_, index) => position + index));
      const bytesOf = (positions: readonly number[]): number =>
        positions.reduce((sum, taken) => sum + all[taken - from]!, 0);
      const isAll = position + taken.length === partition.next;
      expect(taken.length).toBeGreaterThan(0);
      expect(taken.length).toBeLessThanOrEqual(limit);
      expect(taken.length === 1 || bytesOf(taken) <= 200).toBe(true);
      expect(isAll || taken.length === limit || bytesOf([...taken, position + taken.length]) > 200).toBe(true);
      const rest = all.slice(position - from).reduce((sum, bytes) => sum + bytes, 0);
      expect(partition.bytesFrom(position)).toBe(rest);
    }),
  );
});

it('knows that what it no longer has in memory is further back', () => {
  const partition = filled([10, 10, 10]);
  partition.shrinkTo(10);
  expect(partition.tailStart).toBe(2);
  expect(partition.bytesFrom(1)).toBe(Infinity);
  expect(partition.bytesFrom(3)).toBe(0);
});

it('wakes each waiting reader once', () => {
  const partition = new Partition('t', 1, 0);
  const woken: string[] = [];
  partition.onNext(() => woken.push('stays'));
  const left = (): number => woken.push('left');
  partition.onNext(left);
  partition.forget(left);
  partition.wake();
  partition.wake();
  expect(woken).toEqual(['stays']);
});

it('takes memory from the fullest partitions only', () => {
  expect(levelFor([100, 50, 10], 90)).toBe(40);
  expect(levelFor([100, 5, 5], 60)).toBe(50);
  expect(levelFor([30, 30, 30], 60)).toBe(20);
  expect(levelFor([10, 10], 60)).toBe(Infinity);
});
