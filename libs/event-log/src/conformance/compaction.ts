import { TOPICS } from '@switchhook/contracts';
import { eventually } from '@switchhook/testing';
import { expect, it } from 'vitest';
import type { EventLog, LogRecord } from '../event-log.js';
import { keyOf, numbered, sequenceOf, upTo } from '../testing/records.js';
import type { EngineUnderTest, MakeEngine } from './engine-under-test.js';
import { withEngine } from './with-engine.js';

const TOPIC = TOPICS.webhooks.name;
const KEYS = upTo(30).map((number) => `key-${number}`);
const ROUNDS = 10;
/** Kafka's cleaner looks every 15 s. */
const COMPACTION = { timeoutMs: 90_000, everyMs: 1_000 };

async function readTo(log: EventLog, ends: readonly number[]): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (const [partition, end] of ends.entries()) {
    for await (const batch of log.read(TOPIC, partition, { position: 0 }, end)) records.push(...batch);
  }
  return records;
}

async function readsACompactedTopic(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  await engine.compact(TOPIC);
  let round = 0;
  const publish = async (): Promise<void> => {
    await log.publish(KEYS.map((key) => numbered(TOPIC, key, round)));
    round += 1;
  };
  while (round < ROUNDS) await publish();
  const early = await log.ends(TOPIC);
  // Another round of every key: all that is before `early` may go.
  await publish();
  // A part whose records are gone up to its very end is read to that end all the same.
  await eventually(async () => {
    await publish();
    expect(await readTo(log, early)).toEqual([]);
  }, COMPACTION);

  const latest = new Map<string, number>();
  const follower = await log.follow(TOPIC, (records) => {
    for (const record of records) latest.set(keyOf(record), sequenceOf(record));
  });
  await follower.caughtUp;
  await publish();
  await follower.reachEnd();
  expect(latest).toEqual(new Map(KEYS.map((key) => [key, round - 1])));
}

export function compactionCases(makeEngine: MakeEngine): void {
  it(
    'follows and reads a compacted topic to its end, also where the last records before it are gone',
    withEngine(makeEngine, readsACompactedTopic),
    120_000,
  );
}
