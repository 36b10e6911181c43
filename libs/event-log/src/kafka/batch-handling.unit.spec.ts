import { expect, it } from 'vitest';
import type { LogRecord, OutgoingRecord, Place } from '../event-log.js';
import { SettleTracker } from '../settle-tracker.js';
import { handleBatch } from './batch-handling.js';
import { HeldPartition } from './holding.js';

const RECORD: LogRecord = {
  ...{ topic: 'in', partition: 0, position: 0, appendedAtMs: 0, key: null, value: null, headers: {} },
};
const OUTPUT: OutgoingRecord = { topic: 'out', key: null, value: null, headers: {} };

/** One record whose handler answers with one output; `publishing` is what the log says to that. */
async function handleOne(publishing: Promise<Place[]>) {
  const tracker = new SettleTracker(0);
  tracker.take([0], 1);
  const options = { group: 'spec', topics: ['in'], handle: async () => [OUTPUT] };
  const held = new HeldPartition(0, options, (error) => expect.unreachable(String(error)));
  held.begin({ starts: {}, ends: {}, isSure: () => true });
  const handled = handleBatch([RECORD], () => tracker, {
    options,
    held,
    publish: () => publishing,
    isSure: () => true,
  });
  return { tracker, handled };
}

it('a record is finished when the log has what was made of it, not before', async () => {
  const { promise, resolve } = Promise.withResolvers<Place[]>();
  const { tracker, handled } = await handleOne(promise);
  await new Promise(setImmediate);
  expect(tracker.watermark).toBe(0);
  resolve([]);
  await handled;
  expect(tracker.watermark).toBe(1);
});

it('a record is not finished when the log refuses what was made of it', async () => {
  const { tracker, handled } = await handleOne(Promise.reject(new Error('away')));
  await expect(handled).rejects.toThrow('away');
  expect(tracker.watermark).toBe(0);
});
