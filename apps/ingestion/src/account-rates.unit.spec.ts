import { expect, it } from 'vitest';
import { AccountRates } from './account-rates.js';

it('an account is over its rate after its burst, until time has given it more; another is not', () => {
  let nowMs = 1_000;
  const rates = new AccountRates({ perSecond: 500, burst: 10 }, () => nowMs);
  const over = (accountId: number, count: number) =>
    Array.from({ length: count }, () => rates.isOver(accountId)).filter(Boolean).length;
  expect([over(1, 10), over(1, 5), over(2, 10)]).toEqual([0, 5, 0]);
  nowMs += 4;
  expect(over(1, 5)).toBe(3);
});

it('many at once are within the rate, all of them or none', () => {
  const rates = new AccountRates({ perSecond: 500, burst: 10 }, () => 1_000);
  expect([rates.isOver(1, 6), rates.isOver(1, 6), rates.isOver(1, 4), rates.isOver(1)]).toEqual([
    false,
    true,
    false,
    true,
  ]);
});

it('an account that is over its rate stays so, however many others ask', () => {
  const rates = new AccountRates({ perSecond: 1, burst: 1 }, () => 1_000);
  expect([rates.isOver(1), rates.isOver(1)]).toEqual([false, true]);
  for (let other = 2; other < 12_000; other += 1) rates.isOver(other);
  expect(rates.isOver(1)).toBe(true);
});
