import { eventually } from '@switchhook/testing';
import { expect, it } from 'vitest';
import type { Batch, EventLog, LogRecord, Place } from '../event-log.js';
import { INPUT, numbered, sequenceOf, upTo } from '../testing/records.js';
import { waitUntil } from '../testing/wait-until.js';
import type { EngineUnderTest, MakeEngine } from './engine-under-test.js';
import { withEngine } from './with-engine.js';

const COUNT = 12;
const SETTLED = [0, 1, 2, 4, 5, 9];
const FIRST_OPEN = 3;

interface Taken {
  readonly records: LogRecord[];
  readonly settleOf: Map<number, () => void>;
  readonly starts: number[];
}

async function take(log: EventLog, partition: number): Promise<Taken & { close(): Promise<void> }> {
  const taken: Taken = { records: [], settleOf: new Map(), starts: [] };
  const consumer = await log.consume({
    group: 'progress',
    topics: [INPUT],
    settle: 'record',
    batchRecords: 5,
    onAssigned: async (assigned) => {
      if (assigned.partition === partition) taken.starts.push(assigned.starts[INPUT]!);
    },
    handle: async (batch: Batch) => {
      for (const record of batch.records) taken.settleOf.set(sequenceOf(record), () => batch.settle(record));
      taken.records.push(...batch.records);
    },
  });
  return { ...taken, close: () => consumer.close() };
}

async function oldestUnsettled(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const places = await log.publish(upTo(COUNT).map((number) => numbered(INPUT, 'one key', number)));
  const { partition } = places[0]!;

  const first = await take(log, partition);
  await waitUntil(
    () => first.records.length === COUNT,
    () => `taken ahead of what is settled: ${first.records.length} of ${COUNT}`,
  );
  for (const number of SETTLED) first.settleOf.get(number)!();
  first.settleOf.get(0)!();
  await first.close();
  first.settleOf.get(FIRST_OPEN)!();

  const second = await take(log, partition);
  await waitUntil(
    () => second.records.length >= COUNT - FIRST_OPEN,
    () => `handed on again: ${second.records.map(sequenceOf).join()}`,
  );
  expect(second.records.map(sequenceOf)).toEqual(upTo(COUNT).slice(FIRST_OPEN));
  expect(second.starts).toEqual([places[FIRST_OPEN]!.position]);
  for (const settle of second.settleOf.values()) settle();
  await second.close();

  const [next] = await log.publish([numbered(INPUT, 'one key', COUNT)]);
  const third = await take(log, partition);
  await waitUntil(
    () => third.records.length > 0,
    () => 'the third member has a record',
  );
  expect(third.records.map(sequenceOf)).toEqual([COUNT]);
  expect(third.starts).toEqual([next!.position]);
  await third.close();
}

async function ageOfTheOldest(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const settles: (() => void)[] = [];
  let taken = 0;
  let appendedAtMs = 0;
  const gate = Promise.withResolvers<void>();
  const byRecord = await log.consume({
    group: 'by-record',
    topics: [INPUT],
    settle: 'record',
    handle: async (batch) => {
      appendedAtMs ||= batch.records[0]!.appendedAtMs;
      for (const record of batch.records) settles.push(() => batch.settle(record));
    },
  });
  const byBatch = await log.consume({
    group: 'by-batch',
    topics: [INPUT],
    handle: async ({ records }) => {
      taken += records.length;
      await gate.promise;
    },
  });
  const oldest = (): (number | undefined)[] => [byRecord, byBatch].map((consumer) => consumer.oldestMs()[INPUT]);
  expect(oldest()).toEqual([undefined, undefined]);

  await log.publish(upTo(3).map((number) => numbered(INPUT, 'one key', number)));
  await waitUntil(
    () => settles.length === 3 && taken > 0,
    () => 'both groups have the records',
  );
  settles[1]!();
  settles[2]!();
  // To the second.
  for (const found of oldest()) {
    expect(found).toBeLessThanOrEqual(appendedAtMs);
    expect(found).toBeGreaterThan(appendedAtMs - 1_000);
  }
  settles[0]!();
  gate.resolve();
  await waitUntil(
    () => oldest().every((found) => found === undefined),
    () => `all is finished: ${oldest().join()}`,
  );
  await byRecord.close();
  await byBatch.close();
}

async function sinceWhenUnfinished(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const group = 'hop';
  const publish = async (number: number): Promise<Place> =>
    (await log.publish([numbered(INPUT, 'one key', number)]))[0]!;
  const { partition, position } = await publish(0);
  const firstAtMs = Date.now();
  // Append times have milliseconds only; these must differ.
  await waitUntil(
    () => Date.now() > firstAtMs,
    () => 'the next millisecond',
  );
  await publish(1);
  const timesOf = async (from: number): Promise<number[]> => {
    const times: number[] = [];
    const end = (await log.ends(INPUT))[partition]!;
    for await (const batch of log.read(INPUT, partition, { position: from }, end)) {
      times.push(...batch.map(({ appendedAtMs }) => appendedAtMs));
    }
    return times;
  };
  const since = (): Promise<(number | undefined)[]> => log.unfinishedSince(group, INPUT);
  const only = (timeMs: number | undefined, count: number): (number | undefined)[] =>
    upTo(count).map((number) => (number === partition ? timeMs : undefined));

  const before = await since();
  const { length } = before;
  expect(before, 'nothing is finished').toEqual(only((await timesOf(position))[0], length));
  const settles: (() => void)[] = [];
  const handle = async (batch: Batch): Promise<void> =>
    void settles.push(...batch.records.map((record) => () => batch.settle(record)));
  const consumer = await log.consume({ group, topics: [INPUT], settle: 'record', handle });
  await waitUntil(
    () => settles.length === 2,
    () => 'the group has both records',
  );
  settles[0]!();
  await consumer.close();
  expect(await since(), 'one is left').toEqual(only((await timesOf(position))[1], length));
  const again = await log.consume({ group, topics: [INPUT], handle: async () => undefined });
  await eventually(async () => expect(again.lag()[INPUT]).toBe(0));
  await again.close();
  expect(await since(), 'all is finished').toEqual(only(undefined, length));
}

/** Else whoever follows a killed member would be handed all of it again. */
async function storesWhileItGoesOn(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const [place] = await log.publish(upTo(COUNT).map((number) => numbered(INPUT, 'one key', number)));
  const going = await take(log, place!.partition);
  await waitUntil(
    () => going.records.length === COUNT,
    () => `taken: ${going.records.length} of ${COUNT}`,
  );
  for (const settle of going.settleOf.values()) settle();
  await eventually(async () => {
    const stored = await log.groupPositions();
    const position = place!.position + COUNT;
    expect(stored).toContainEqual({ group: 'progress', topic: INPUT, partition: place!.partition, position });
  });
  await going.close();
}

export function progressCases(makeEngine: MakeEngine): void {
  it(
    'begins again at the oldest record that was not settled, neither before nor behind it',
    withEngine(makeEngine, oldestUnsettled),
  );

  it('stores its progress while it goes on', withEngine(makeEngine, storesWhileItGoesOn));

  it(
    'says since when a group has something that it may be handed again, from what it has stored',
    withEngine(makeEngine, sinceWhenUnfinished),
  );

  it(
    'says when the log took the oldest record that is not finished, and nothing once all are',
    withEngine(makeEngine, ageOfTheOldest),
  );
}
