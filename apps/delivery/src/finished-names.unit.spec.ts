import { HEADER } from '@switchhook/contracts';
import { attemptHeaders, attemptName, readAttemptIds } from '@switchhook/domain';
import { heapBytesKeptBy } from '@switchhook/testing';
import { describe, expect, it } from 'vitest';
import { idsFixture } from './delivery.fixture.js';
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

  // 37 to 44 characters, and their places in the sets; of the header they were cut from nothing.
  it('costs 400 bytes at most for an attempt that was put off, made, and ended its delivery', () => {
    const attempts = 20_000;
    const bytes = heapBytesKeptBy(() => {
      const names = new FinishedNames();
      for (let at = 0; at < attempts; at += 1) {
        // As it comes from the log.
        const header = Buffer.from(attemptHeaders(idsFixture(at))[HEADER.ids] ?? '').toString();
        const ids = readAttemptIds({ [HEADER.ids]: header });
        names.addParked(attemptName(ids), ids.deferrals);
        names.add(attemptName(ids));
        names.addEnded(ids);
      }
      return names;
    });
    expect(bytes / attempts).toBeLessThan(400);
  });
});
