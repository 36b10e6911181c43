import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../event-log.js';
import { waitUntil } from '../testing/wait-until.js';
import { PartitionFeed } from './partition-feed.js';

const record = (position: number): LogRecord => ({
  topic: 'events.v1',
  partition: 0,
  position,
  appendedAtMs: position * 60_000,
  key: null,
  value: null,
  headers: {},
});

interface GivenFeed {
  readonly feed: PartitionFeed;
  readonly handled: number[];
  readonly lost: PartitionFeed[];
}

function givenFeed(start: number, end: number): GivenFeed {
  const handled: number[] = [];
  const lost: PartitionFeed[] = [];
  const feed = new PartitionFeed(
    { topic: 'events.v1', partition: 0, start, end },
    {
      handle: async (records) => void handled.push(...records.map(({ position }) => position)),
      batchRecords: 100,
      signal: new AbortController().signal,
      onRoom: () => undefined,
      onFailure: () => undefined,
      onRecovered: () => undefined,
    },
    (one) => void lost.push(one),
  );
  return { feed, handled, lost };
}

describe('one partition of one topic', () => {
  it('goes on behind positions where compaction left no record, and stores that as progress', () => {
    const { feed } = givenFeed(3, 10);
    expect(feed.lag).toBe(7);
    feed.take([], 10, 10);
    expect([feed.position, feed.tracker.watermark, feed.lag]).toEqual([10, 10, 0]);
  });

  it('goes on behind the end of a fetch whose last positions are gone, once its records are settled', async () => {
    const { feed, handled } = givenFeed(0, 8);
    feed.take([record(1), record(4)], 8, 8);
    await waitUntil(
      () => handled.length === 2,
      () => `${handled}`,
    );
    expect([feed.position, feed.tracker.watermark]).toEqual([8, 1]);
    feed.tracker.settle(4);
    feed.tracker.settle(1);
    expect([feed.tracker.watermark, feed.lag]).toEqual([8, 0]);
  });

  it('takes nothing from an answer that has nothing new, but learns where the partition ends', () => {
    const { feed, handled } = givenFeed(5, 5);
    feed.take([], 5, 9);
    expect([feed.position, feed.tracker.watermark, feed.lag, handled]).toEqual([5, 5, 4, []]);
  });

  it('knows when the log took its oldest record that is not finished', async () => {
    const { feed, handled } = givenFeed(0, 2);
    expect(feed.oldestMs).toBeUndefined();
    feed.take([record(0), record(1)], 2, 2);
    await waitUntil(
      () => handled.length === 2,
      () => `${handled}`,
    );
    feed.tracker.settle(0);
    expect(feed.oldestMs).toBe(60_000);
    feed.tracker.settle(1);
    expect(feed.oldestMs).toBeUndefined();
  });

  it('asks for nothing while its position is not there, and goes on where it is told to', () => {
    const { feed, lost } = givenFeed(2, 20);
    feed.outOfRange();
    expect([feed.wantsMore, lost]).toEqual([false, [feed]]);
    feed.skipTo(12);
    expect([feed.wantsMore, feed.position, feed.tracker.watermark]).toEqual([true, 12, 12]);
  });
});
