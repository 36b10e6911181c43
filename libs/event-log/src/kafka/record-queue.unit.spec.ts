import { describe, expect, it } from 'vitest';
import { HoldError } from '../errors.js';
import type { LogRecord } from '../event-log.js';
import { waitUntil } from '../testing/wait-until.js';
import { RecordQueue, type RecordQueueDeps } from './record-queue.js';

const record = (position: number): LogRecord => ({
  topic: 'events.v1',
  partition: 0,
  position,
  appendedAtMs: 0,
  key: null,
  value: null,
  headers: {},
});
const records = (from: number, to: number): LogRecord[] =>
  Array.from({ length: to - from }, (_, index) => record(from + index));

function queueWith(deps: Partial<RecordQueueDeps>): RecordQueue {
  return new RecordQueue(0, {
    handle: async () => undefined,
    batchRecords: 3,
    signal: new AbortController().signal,
    onRoom: () => undefined,
    onFailure: () => undefined,
    onRecovered: () => undefined,
    ...deps,
  });
}

describe('records on their way to a handler', () => {
  it('are handed on again after a failure, the same ones, before any that come behind', async () => {
    const batches: number[][] = [];
    const failures: boolean[] = [];
    const faults = [new Error('no'), new HoldError('not yet')];
    const queue = queueWith({
      handle: async (batch) => {
        batches.push(batch.map(({ position }) => position));
        const fault = faults.shift();
        if (fault) throw fault;
      },
      onFailure: (_, __, held) => void failures.push(held),
    });
    queue.push(records(0, 2), 2);
    queue.push(records(2, 5), 7);
    await queue.reached(7);
    expect(batches).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
      [2, 3, 4],
    ]);
    expect(failures).toEqual([false, true]);
    expect(queue.finished).toBe(7);
  });

  it('are bounded: a full queue says so, and asks for more before it is empty', async () => {
    const gate = Promise.withResolvers<void>();
    let asked = -1;
    const queue: RecordQueue = queueWith({ handle: () => gate.promise, onRoom: () => (asked = queue.finished) });
    queue.push(records(0, 12), 12);
    expect(queue.isFull).toBe(true);
    gate.resolve();
    await queue.reached(12);
    expect(queue.isFull).toBe(false);
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(12);
  });

  it('are bounded by their bytes too, keys counted', async () => {
    const gate = Promise.withResolvers<void>();
    const queue = queueWith({ handle: () => gate.promise, batchRecords: 1_000, limitBytes: 4_000 });
    const large = (position: number): LogRecord => ({
      ...record(position),
      key: Buffer.from('k'),
      value: Buffer.alloc(1_000),
    });
    queue.push([large(0), large(1), large(2)], 3);
    expect(queue.isFull).toBe(false);
    queue.push([large(3)], 4);
    expect(queue.isFull).toBe(true);
    gate.resolve();
    await queue.reached(4);
    expect(queue.isFull).toBe(false);
  });

  it('go nowhere any more once their partition is taken away', async () => {
    const stop = new AbortController();
    const gate = Promise.withResolvers<void>();
    const batches: number[] = [];
    const queue = queueWith({
      signal: stop.signal,
      handle: (batch) => {
        batches.push(batch.length);
        return gate.promise;
      },
    });
    queue.push(records(0, 1), 1);
    await waitUntil(
      () => batches.length === 1,
      () => 'a batch is under way',
    );
    queue.push(records(1, 5), 5);
    stop.abort();
    gate.resolve();
    await queue.idle();
    expect(batches).toEqual([1]);
    expect(queue.finished).toBe(1);
  });
});
