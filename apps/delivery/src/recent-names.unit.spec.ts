import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RecentNames } from './recent-names.js';

it('remembers at least the last so many names, whatever came, and not many more', () => {
  const cases = fc.record({
    max: fc.integer({ min: 1, max: 40 }),
    added: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 300 }),
  });
  fc.assert(
    fc.property(cases, ({ max, added }) => {
      const names = new RecentNames(max);
      for (const each of added) names.add(String(each));
      const last = added.slice(-max);
      expect(last.filter((each) => !names.has(String(each)))).toEqual([]);
      expect(names.size).toBeLessThanOrEqual(max + 2 * Math.ceil(max / 8));
    }),
  );
});

it('forgets the oldest', () => {
  const names = new RecentNames(16);
  for (let name = 0; name < 100; name += 1) names.add(String(name));
  expect(Array.from({ length: 100 }, (_, name) => names.has(String(name))).indexOf(true)).toBeGreaterThanOrEqual(80);
});
