import { describe, expect, it } from 'vitest';
import { FairTurns } from './fair-turns.js';

const HEAVY = 1;
const LIGHT = 2;

const turnsOf = () => {
  const turns = new FairTurns<string>({ records: 100, bytes: 100, calls: 100 }, (id) => (id === HEAVY ? 3 : 1));
  const heavy = turns.of(HEAVY);
  const light = turns.of(LIGHT);
  const wait = (...lanes: string[]) => {
    for (const lane of lanes) turns.wait(lane.startsWith('h') ? heavy : light, lane);
  };
  const next = (count: number) => Array.from({ length: count }, () => turns.next());
  return { turns, heavy, light, wait, next };
};

describe('an account with a weight of three', () => {
  it('may have three times the bytes that are still free', () => {
    const { turns, heavy, light } = turnsOf();
    turns.take(heavy, 60);
    expect([turns.fits(HEAVY, 40), turns.fits(HEAVY, 41)]).toEqual([true, false]);
    turns.leave(heavy, 60);
    turns.take(turns.of(HEAVY), 10);
    turns.take(light, 50);
    expect([turns.fits(LIGHT, 1), turns.fits(HEAVY, 40)]).toEqual([false, true]);
  });

  it('has three calls in its turn where another has one', () => {
    const { wait, next } = turnsOf();
    wait('h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'l1', 'l2');
    expect(next(8)).toEqual(['h1', 'h2', 'h3', 'l1', 'h4', 'h5', 'h6', 'l2']);
  });

  it('has a whole turn again when it comes back: what it left of one is over', () => {
    const { wait, next } = turnsOf();
    wait('h1', 'h2');
    expect(next(3)).toEqual(['h1', 'h2', undefined]);
    wait('h3', 'h4', 'h5', 'h6', 'l1');
    expect(next(5)).toEqual(['h3', 'h4', 'h5', 'l1', 'h6']);
  });
});
