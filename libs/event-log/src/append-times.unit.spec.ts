import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AppendTimes } from './append-times.js';

it('answers for the oldest open record its time, early by a second at most and never late', () => {
  const steps = fc.array(fc.record({ waitMs: fc.nat({ max: 3_000 }), finish: fc.boolean() }), { maxLength: 100 });
  fc.assert(
    fc.property(steps, (all) => {
      const times = new AppendTimes();
      const appendedAtMs: number[] = [];
      let nowMs = 1_000_000;
      let open = 0;
      for (const { waitMs, finish } of all) {
        nowMs += waitMs;
        times.note(appendedAtMs.push(nowMs) - 1, nowMs);
        if (finish) open = Math.min(open + 2, appendedAtMs.length - 1);
        const found = times.at(open) ?? Number.NaN;
        expect(found).toBeLessThanOrEqual(appendedAtMs[open] ?? 0);
        expect(found).toBeGreaterThan((appendedAtMs[open] ?? 0) - 1_000);
      }
    }),
  );
});

it('knows a record that stays open for a week to 0.1 % of that, in little memory', () => {
  const times = new AppendTimes();
  const weekMs = 7 * 24 * 3_600_000;
  for (let atMs = 0; atMs <= weekMs; atMs += 1_000) times.note(atMs / 1_000, atMs);
  expect(times.at(0)).toBe(0);
  const found = times.at(300_000) ?? 0;
  expect(found).toBeLessThanOrEqual(300_000_000);
  expect(found).toBeGreaterThan(300_000_000 - weekMs / 1_000);
});

it('knows nothing of what it was not told', () => {
  const times = new AppendTimes();
  expect(times.at(5)).toBeUndefined();
  times.note(6, 100);
  expect([times.at(5), times.at(6)]).toEqual([undefined, 100]);
});
