import { expect, it } from 'vitest';
import { INPUT, OUTPUT, numbered } from '../testing/records.js';
import { silentLogger } from '../testing/silent-logger.js';
import { Assignment } from './assignment.js';
import { Partition } from './partition.js';
import type { RecordSource } from './source.js';

const record = { topic: INPUT, partition: 0, position: 0, appendedAtMs: 0, key: null, value: null, headers: {} };

/** An assignment that waits for the first record of its partition. */
async function waiting() {
  const partition = new Partition(INPUT, 1, 0);
  const stopped = Promise.withResolvers<never[]>();
  const source = { take: () => stopped.promise } as unknown as RecordSource;
  const deps = {
    ...{ source, logger: silentLogger, now: Date.now, startOf: () => 0 },
    ...{ append: async () => undefined, moveSoon: () => undefined, isIdle: () => undefined },
  };
  const ahead = () => ({ outputs: [numbered(OUTPUT, 'a key', 0)], appended: () => undefined });
  const options = { group: 'a group', topics: [INPUT], handle: async () => undefined, ahead };
  const assignment = new Assignment(0, [partition], options, { records: 1, bytes: 1, lingerMs: 0 }, deps);
  assignment.start();
  await new Promise((resolve) => setImmediate(resolve));
  return { assignment, stop: () => stopped.resolve([]), ask: () => assignment.ahead(partition, [record], false) };
}

it('handles nothing ahead any more from the moment at which it is taken away', async () => {
  const { assignment, stop, ask } = await waiting();
  ask()!.dropped();
  const revoked = assignment.revoke(1_000);
  expect(ask()).toBeUndefined();
  stop();
  await revoked;
  expect(ask()).toBeUndefined();
});

it('is not taken away while nobody knows whether what it handled ahead is there', async () => {
  const { assignment, stop, ask } = await waiting();
  const handled = ask()!;
  let isRevoked = false;
  const revoked = assignment.revoke(1_000).then(() => (isRevoked = true));
  stop();
  await new Promise((resolve) => setImmediate(resolve));
  expect(isRevoked).toBe(false);
  handled.appended();
  await revoked;
});
