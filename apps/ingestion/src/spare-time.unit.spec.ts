import { describe, expect, it } from 'vitest';
import { AccountRates } from './account-rates.js';
import { SpareTime } from './spare-time.js';

const PIECE = { count: 5, isPiece: true };
const SMALL = { count: 1, isPiece: false };

/** 500 events a second are guaranteed to an account alone, 50 beside others, five at once. */
function start(use = 1) {
  const state = { nowMs: 1_000_000, use };
  const now = () => state.nowMs;
  const rates = (perSecond: number) => new AccountRates({ perSecond, burst: 5 }, now);
  const spare = new SpareTime(
    {
      alone: { guaranteed: rates(500), inUseMax: 0.5 },
      besideOthers: { guaranteed: rates(50), inUseMax: 0.35 },
    },
    () => state.use,
    now,
  );
  /** How many of such requests the account may take on within a second, asking every 10 ms. */
  const perSecond = (accountId: number, wanted: typeof PIECE, meanwhile = () => {}): number => {
    let taken = 0;
    for (let step = 0; step < 100; step += 1) {
      state.nowMs += 10;
      meanwhile();
      while (taken < 10_000 && spare.mayTake(accountId, wanted)) taken += wanted.count;
    }
    return taken;
  };
  return { spare, state, perSecond };
}

describe('of a process that is busy, an account may take', () => {
  it('its rate, whether in small requests or large, while nobody else sends small ones', () => {
    const { spare, perSecond } = start();
    expect(perSecond(1, SMALL)).toBeLessThanOrEqual(506);
    expect(perSecond(1, SMALL)).toBeGreaterThanOrEqual(495);
    expect(perSecond(2, PIECE, () => spare.noteSmall(2))).toBeGreaterThanOrEqual(495);
  });

  it('a small part of it for large requests while others send small ones; its own small ones as before', () => {
    const { spare, perSecond } = start();
    const others = (): void => spare.noteSmall(2);
    const taken = perSecond(1, PIECE, others);
    expect(taken).toBeGreaterThanOrEqual(45);
    expect(taken).toBeLessThanOrEqual(60);
    const bothSend = (): void => {
      others();
      spare.noteSmall(1);
    };
    expect(perSecond(1, PIECE, bothSend)).toBeLessThanOrEqual(60);
    expect(perSecond(1, SMALL, others)).toBeGreaterThanOrEqual(495);
  });

  it('as much as alone when the others have been quiet for a second', () => {
    const { spare, state, perSecond } = start();
    spare.noteSmall(2);
    spare.noteSmall(1);
    state.nowMs += 999;
    expect(spare.mayTake(1, PIECE)).toBe(true);
    expect(spare.mayTake(1, PIECE)).toBe(false);
    state.nowMs += 1;
    expect(perSecond(1, PIECE, () => spare.noteSmall(1))).toBeGreaterThanOrEqual(495);
  });
});

describe('of a process that has time to spare, an account may take', () => {
  it.each([
    [0.5, 10_000],
    [0.51, 500],
  ])('anything while it is alone and half of the time is left: at %d', (use, expected) => {
    const { perSecond } = start(use);
    expect(perSecond(1, PIECE)).toBeLessThanOrEqual(expected + 5);
    expect(perSecond(1, SMALL)).toBeGreaterThanOrEqual(expected - 5);
  });

  it.each([
    [0.35, 5 * 50 + 50],
    [0.36, 50],
  ])('beside others a piece every 20 ms while two thirds are left: at %d', (use, expected) => {
    const { spare, perSecond } = start(use);
    const taken = perSecond(1, PIECE, () => spare.noteSmall(2));
    expect(taken).toBeGreaterThanOrEqual(expected - 5);
    expect(taken).toBeLessThanOrEqual(expected + 10);
  });
});
