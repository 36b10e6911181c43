import { TOPICS } from '@switchhook/contracts';
import { describe, expect, it } from 'vitest';
import { checkCopartitioning } from './topics.js';

const counts = (outcomes: number): Map<string, number> =>
  new Map([
    [TOPICS.requested.name, 6],
    [TOPICS.requestedBulk.name, 6],
    [TOPICS.signed.name, 6],
    [TOPICS.outcomes.name, outcomes],
    [TOPICS.events.name, 12],
  ]);

describe('topics whose partitions belong together', () => {
  it('may differ from other topics', () => {
    expect(() => checkCopartitioning(counts(6))).not.toThrow();
  });

  it('stop the start when they differ from each other, with each number', () => {
    expect(() => checkCopartitioning(counts(7))).toThrow(/signed.v1 has 6.*outcomes.v1 has 7/);
  });
});
