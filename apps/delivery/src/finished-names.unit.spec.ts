import { describe, expect, it } from 'vitest';
import { FinishedNames } from './finished-names.js';

describe('finished names', () => {
  it('keeps the newest and forgets the oldest first', () => {
    const names = new FinishedNames(2);
    names.add('a');
    names.add('b');
    names.add('a');
    names.add('c');
    expect(['a', 'b', 'c'].map((name) => names.has(name))).toEqual([true, false, true]);
  });
});
