import { expect, it } from 'vitest';
import { WaitingCount } from './waiting-count.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A database whose counts take `tookMs`, and the waits between them. */
function counting(tookMs: number, count: () => Promise<number> = async () => 7) {
  let nowMs = 0;
  const waits: number[] = [];
  const counted: number[] = [];
  let wake: () => void = () => undefined;
  const waiting = new WaitingCount({
    count: () => {
      nowMs += tookMs;
      return count();
    },
    onCounted: (number) => counted.push(number),
    nowMs: () => nowMs,
    after: (waitMs, next) => {
      waits.push(waitMs);
      wake = next;
      return () => (wake = () => undefined);
    },
  });
  const next = async () => {
    wake();
    await turn();
  };
  return { waits, counted, next, stop: () => waiting.stop() };
}

it('what waits is counted every five seconds', async () => {
  const { waits, counted, next } = counting(3);
  await next();
  await next();
  expect([waits, counted]).toEqual([
    [5_000, 5_000, 5_000],
    [7, 7],
  ]);
});

it('a count that takes long rests five hundred times as long, a minute at most', async () => {
  const rests = async (tookMs: number) => {
    const { waits, next } = counting(tookMs);
    await next();
    return waits[1];
  };
  expect([await rests(40), await rests(200)]).toEqual([20_000, 60_000]);
});

it('a count that fails is left out, and the next one comes', async () => {
  const { waits, counted, next } = counting(1, () => Promise.reject(new Error('the database is away')));
  await next();
  expect([waits, counted]).toEqual([[5_000, 5_000], []]);
});

it('nothing is counted after the stop, also when it comes during a count', async () => {
  const held = Promise.withResolvers<number>();
  const { waits, next, stop } = counting(1, () => held.promise);
  await next();
  stop();
  held.resolve(1);
  await turn();
  expect(waits).toEqual([5_000]);
});
