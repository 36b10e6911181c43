import type { Outcome, OutcomeName } from '@switchhook/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IllegalHistory, evolveDelivery, initialDelivery, type DeliveryFact } from './delivery.js';

const attempt = {} as Outcome['attempt'];
/** `attempted 1`, `exhausted! 2` (after a call), `run 1: succeeded 1`. */
const fact = (text: string): DeliveryFact => {
  const [, run, outcome, called, number] = /^(?:run (\d+): )?(\w+)(!?) (\d+)$/.exec(text)!;
  const withCall = called === '!' || outcome === 'attempted' || outcome === 'succeeded';
  return {
    run: Number(run ?? 0),
    number: Number(number),
    outcome: { outcome: outcome as OutcomeName, ...(withCall && { attempt }) },
  };
};
const replay = (history: readonly string[]) => history.map(fact).reduce(evolveDelivery, initialDelivery);

describe('a delivery', () => {
  it.each([
    [['succeeded 1'], 'succeeded', 1],
    [['attempted 1', 'attempted 2', 'succeeded 3'], 'succeeded', 3],
    [['deferred 1', 'deferred 1', 'attempted 1', 'deferred 2', 'exhausted! 2'], 'exhausted', 2],
    [['attempted 1', 'expired 2'], 'expired', 1],
    [['attempted 1', 'expired! 2'], 'expired', 2],
    [['attempted 1', 'cancelled 2'], 'cancelled', 1],
    [['attempted 1', 'cancelled 1'], 'cancelled', 1],
    [['cancelled 1'], 'cancelled', 0],
    [['exhausted 1'], 'exhausted', 0],
    [['unmatched 1'], 'unmatched', 0],
    [['rejected 1'], 'rejected', 0],
    [['attempted 1'], 'pending', 1],
    [['attempted 1', 'deferred 2'], 'deferred', 1],
    [['exhausted! 1', 'run 1: attempted 1', 'run 1: succeeded 2'], 'succeeded', 2],
    [['succeeded 1', 'run 2: deferred 1'], 'deferred', 0],
  ])('%j ends as %s after %i calls', (history, status, finishedAttempts) => {
    expect(replay(history)).toMatchObject({ status, finishedAttempts, repeats: 0 });
  });

  it.each([
    [['succeeded 1', 'succeeded 1'], 'succeeded'],
    [['succeeded 1', 'attempted 1'], 'succeeded'],
    [['attempted 1', 'attempted 1'], 'pending'],
    [['attempted 1', 'succeeded 1'], 'succeeded'],
    [['attempted 1', 'deferred 2', 'attempted 1'], 'deferred'],
  ])('%j is a call that two owners made: counted, and it stays %s', (history, status) => {
    expect(replay(history)).toMatchObject({ status, repeats: 1, finishedAttempts: 1 });
  });

  it.each([
    [['succeeded 1', 'cancelled 1'], 'succeeded'],
    [['attempted 1', 'exhausted! 2', 'expired 1'], 'exhausted'],
    [['cancelled 1', 'cancelled 1'], 'cancelled'],
    [['exhausted 1', 'exhausted 1'], 'exhausted'],
    [['attempted 1', 'cancelled 1', 'cancelled 2'], 'cancelled'],
  ])('%j is an end that was said again of a request read twice: counted, and it stays %s', (history, status) => {
    expect(replay(history)).toMatchObject({ status, repeats: 1 });
  });

  it.each([
    [['attempted 2'], 'attempted of run 0, attempt 2: attempt 1 comes next'],
    [['attempted 1', 'attempted 3'], 'attempted of run 0, attempt 3: attempt 2 comes next'],
    [['attempted 1', 'deferred 1'], 'deferred of run 0, attempt 1: attempt 2 comes next'],
    [['succeeded 1', 'attempted 2'], 'attempted of run 0, attempt 2: the run has ended as succeeded'],
    [['succeeded 1', 'deferred 1'], 'deferred of run 0, attempt 1: the run has ended as succeeded'],
    [['exhausted! 1', 'cancelled 2'], 'cancelled of run 0, attempt 2: the run has ended as exhausted'],
    [['attempted 1', 'run 1: succeeded 1'], 'succeeded of run 1, attempt 1: run 0 is still pending'],
    [['succeeded 1', 'run 1: succeeded 1', 'succeeded 2'], 'succeeded of run 0, attempt 2: run 1 has begun'],
    [['succeeded 1', 'run 1: attempted 2'], 'attempted of run 1, attempt 2: attempt 1 comes next'],
    [['unmatched 1', 'run 1: succeeded 1'], 'succeeded of run 1, attempt 1: no webhook matched the event'],
    [['attempted 1', 'unmatched 2'], 'unmatched of run 0, attempt 2: a webhook has matched the event'],
  ])('%j is not a history of one', (history, words) => {
    expect(() => replay(history)).toThrow(new IllegalHistory(words));
  });

  it('accepts every history that the rules can write', () => {
    const run = fc.tuple(
      fc.array(fc.nat(2), { maxLength: 6 }),
      fc.constantFrom('succeeded', 'exhausted!', 'expired', 'cancelled'),
    );
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 4 }), (runs) => {
        const history = runs.flatMap(([parkings, end], index) => [
          ...parkings.flatMap((times, before) => [
            ...Array<string>(times).fill(`run ${index}: deferred ${before + 1}`),
            `run ${index}: attempted ${before + 1}`,
          ]),
          `run ${index}: ${end} ${parkings.length + 1}`,
        ]);
        expect(replay(history)).toMatchObject({ status: runs.at(-1)![1].replace('!', ''), repeats: 0 });
      }),
    );
  });
});
