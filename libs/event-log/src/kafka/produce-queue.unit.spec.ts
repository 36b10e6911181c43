import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PublishCall, takeRequest, type QueuedRecord } from './produce-queue.js';

const BOUNDS = { requestBytes: 1_000, partitionBytes: 300 };
const record = { topic: 'events.v1', key: null, value: null, headers: {} };
const queued = (call: PublishCall, partition: number, bytes: number, index = 0): QueuedRecord => ({
  call,
  index,
  record,
  topic: 'p.events.v1',
  partition,
  key: null,
  bytes,
});

describe('what goes out in one request', () => {
  it('keeps the order of each partition and its bounds, and leaves nothing behind', () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 500 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(sizes, (list) => {
        const call = new PublishCall(list.length, 0);
        const queue = list.map(([partition, bytes], index) => queued(call, partition, bytes, index));
        const sent: QueuedRecord[] = [];
        while (queue.length > 0) {
          const batches = takeRequest(queue, BOUNDS);
          const total = batches.reduce((sum, batch) => sum + batch.bytes, 0);
          expect(total <= BOUNDS.requestBytes || batches.flatMap((batch) => batch.records).length === 1).toBe(true);
          for (const batch of batches) {
            expect(batch.bytes <= BOUNDS.partitionBytes || batch.records.length === 1).toBe(true);
            sent.push(...batch.records);
          }
        }
        for (const partition of [0, 1, 2, 3, 4]) {
          const indexes = sent.filter((one) => one.partition === partition).map((one) => one.index);
          const wanted = list.flatMap(([of], index) => (of === partition ? [index] : []));
          expect(indexes).toEqual(wanted);
        }
      }),
    );
  });

  it('drops the records of calls that have given up', () => {
    const over = new PublishCall(1, 0);
    const waiting = new PublishCall(1, 0);
    over.done.catch(() => undefined);
    over.fail(new Error('too late'));
    const queue = [queued(over, 0, 10), queued(waiting, 0, 10)];
    expect(takeRequest(queue, BOUNDS).flatMap((batch) => batch.records)).toEqual([queued(waiting, 0, 10)]);
    expect(queue).toEqual([]);
  });

  it('answers a call when the last of its records has a place', async () => {
    const call = new PublishCall(2, 0);
    call.place(1, { topic: 't', partition: 1, position: 7 });
    expect(call.isOver).toBe(false);
    call.place(0, { topic: 't', partition: 0, position: 3 });
    expect((await call.done).map(({ position }) => position)).toEqual([3, 7]);
  });
});
