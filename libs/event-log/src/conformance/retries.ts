import { expect, it } from 'vitest';
import type { Place } from '../event-log.js';
import { INPUT, OUTPUT, keyOf, numbered, upTo } from '../testing/records.js';
import { waitUntil } from '../testing/wait-until.js';
import type { EngineUnderTest, MakeEngine } from './engine-under-test.js';
import { withEngine } from './with-engine.js';

const KEYS = upTo(30).map((number) => `key-${number}`);
const STUCK = 'key-0';

async function retriesInPlace(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const [stuck] = (await log.publish([numbered(INPUT, STUCK, 0)])) as [Place];
  const tries: number[][] = [];
  const handledElsewhere = new Set<string>();
  let failing = true;
  const consumer = await log.consume({
    group: 'retries',
    topics: [INPUT],
    batchRecords: 5,
    handle: async ({ partition, records }) => {
      if (partition !== stuck.partition) {
        for (const record of records) handledElsewhere.add(`${keyOf(record)}`);
        return;
      }
      tries.push(records.map((record) => record.position));
      if (failing) throw new Error('not now');
      return records.map((record) => numbered(OUTPUT, keyOf(record), record.position));
    },
  });
  await waitUntil(
    () => tries.length > 0,
    () => 'the first try',
  );

  const places: Place[] = [stuck];
  for (const round of upTo(3)) places.push(...(await log.publish(KEYS.map((key) => numbered(INPUT, key, round + 1)))));
  const behind = places.filter((place) => place.partition === stuck.partition).map((place) => place.position);
  const elsewhere = KEYS.filter((_, index) => places[index + 1]?.partition !== stuck.partition);
  await waitUntil(
    () => elsewhere.every((key) => handledElsewhere.has(key)) && tries.length >= 3,
    () => `the other partitions went on: ${handledElsewhere.size} of ${elsewhere.length} keys; ${tries.length} tries`,
  );
  const failed = tries.length;
  expect(new Set(tries.map(([first]) => first)), 'every try begins with the record that failed').toEqual(
    new Set([stuck.position]),
  );

  failing = false;
  await waitUntil(
    () => tries.slice(failed).flat().length >= behind.length,
    () => 'the partition went on after the last failure',
  );
  // Nothing lost, nothing twice, nothing overtaken once the handler took it.
  const last = tries.slice(failed).filter((positions, index, all) => positions[0] !== all[index + 1]?.[0]);
  expect(last.flat()).toEqual(behind);
  await outputsAreOnce(engine, log.close.bind(log), behind);
  await consumer.close();
}

async function outputsAreOnce(engine: EngineUnderTest, close: () => Promise<void>, behind: number[]): Promise<void> {
  await close();
  const log = await engine.open();
  const outputs: string[] = [];
  const follower = await log.follow(
    OUTPUT,
    (records) => void outputs.push(...records.map((record) => String(record.value))),
  );
  await follower.caughtUp;
  expect(outputs.map((text) => Number(text.split(' ')[1])).sort((a, b) => a - b)).toEqual(behind);
  await follower.close();
}

export function retryCases(makeEngine: MakeEngine): void {
  it(
    'hands a batch on again when its handler throws, before anything behind it, and leaves other partitions alone',
    withEngine(makeEngine, retriesInPlace),
  );
}
