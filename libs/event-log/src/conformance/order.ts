import { expect, it } from 'vitest';
import type { LogRecord, Place } from '../event-log.js';
import { INPUT, numbered, sequencesByKey, upTo } from '../testing/records.js';
import { waitUntil } from '../testing/wait-until.js';
import type { EngineUnderTest, MakeEngine } from './engine-under-test.js';
import { withEngine } from './with-engine.js';

const KEYS = upTo(100).map((number) => `key-${number}`);
const ROUNDS = upTo(50);

const positionsByPartition = (places: readonly (Place | LogRecord)[]): Map<number, number[]> => {
  const byPartition = new Map<number, number[]>();
  for (const { partition, position } of places) {
    byPartition.set(partition, [...(byPartition.get(partition) ?? []), position]);
  }
  return byPartition;
};

const rises = (numbers: readonly number[]): boolean =>
  numbers.every((number, index) => index === 0 || number > numbers[index - 1]!);

async function keepsOrder(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const records: LogRecord[] = [];
  const consumer = await log.consume({
    group: 'order',
    topics: [INPUT],
    handle: async (batch) => void records.push(...batch.records),
  });

  const acknowledged = await Promise.all(
    ROUNDS.flatMap((round) => [
      log.publish(KEYS.map((key) => numbered(INPUT, key, round * 2))),
      log.publish(
        KEYS.map((key) => numbered(INPUT, key, round * 2 + 1)),
        { flush: false },
      ),
    ]),
  );
  const places = acknowledged.flat();
  await waitUntil(
    () => records.length >= places.length,
    () => `${records.length} of ${places.length} records were handed on`,
  );

  const wanted = upTo(ROUNDS.length * 2);
  expect(sequencesByKey(records)).toEqual(new Map([...sequencesByKey(records).keys()].map((key) => [key, wanted])));
  expect(sequencesByKey(records).size).toBe(KEYS.length);
  const handedOn = positionsByPartition(records);
  expect(handedOn.size).toBeGreaterThan(1);
  for (const [partition, positions] of handedOn) {
    expect(rises(positions), `positions of partition ${partition} rise`).toBe(true);
    expect(positions).toEqual(
      positionsByPartition(places)
        .get(partition)
        ?.sort((a, b) => a - b),
    );
  }
  await consumer.close();
}

export function orderCases(makeEngine: MakeEngine): void {
  it(
    'keeps the order of each key, across partitions, while several publishes are in flight',
    withEngine(makeEngine, keepsOrder),
  );
}
