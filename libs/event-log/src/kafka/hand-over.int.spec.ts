import { kafkaBrokers, kafkaPossible, uniqueTopicPrefix } from '@switchhook/testing';
import { describe, expect, it } from 'vitest';
import type { EventLog, LogRecord } from '../event-log.js';
import { INPUT, keyOf, numbered, sequenceOf, upTo } from '../testing/records.js';
import { silentLogger } from '../testing/silent-logger.js';
import { waitUntil } from '../testing/wait-until.js';
import { openKafkaLog } from './kafka-log.js';

const KEYS = upTo(8).map((number) => `key-${number}`);
const LATE_MS = 2_000;

async function withTwoLogs(test: (own: EventLog, other: EventLog) => Promise<void>): Promise<void> {
  const brokers = (await kafkaBrokers()).split(',');
  const topicPrefix = uniqueTopicPrefix();
  const logs = ['own', 'other'].map((clientId) =>
    openKafkaLog({ brokers, topicPrefix, clientId, createTopics: true, logger: silentLogger }),
  );
  try {
    for (const log of logs) await log.start();
    await test(logs[0]!, logs[1]!);
  } finally {
    await Promise.all(logs.map((log) => log.close()));
  }
}

/** Reads INPUT in a group of `log`, slowly where it is asked to. */
async function taking(log: EventLog, delay = async (): Promise<void> => undefined): Promise<LogRecord[]> {
  const taken: LogRecord[] = [];
  await log.consume({
    group: 'taking',
    topics: [INPUT],
    handle: async ({ records }) => {
      await delay();
      taken.push(...records);
    },
  });
  return taken;
}

const positionsByPartition = (records: readonly LogRecord[]): number[][] =>
  [...Map.groupBy(records, ({ partition }) => partition).values()].map((of) => of.map(({ position }) => position));

describe.skipIf(!(await kafkaPossible()))('records of our own among those of other processes, on Kafka', () => {
  it('come once each and in the order of the log, whoever wrote them and however slow their taker is', () =>
    withTwoLogs(async (own, other) => {
      // More than a partition's queue takes: some is handed over, some is fetched.
      const taken = await taking(own, () => new Promise((resolve) => setImmediate(resolve)));
      const rounds = upTo(60);
      for (const round of rounds) {
        const burst = round % 20 === 0 ? 150 : 1;
        const records = KEYS.flatMap((key) => upTo(burst).map(() => numbered(INPUT, key, round)));
        const theirs = round % 3 === 0 ? other.publish(records) : Promise.resolve();
        await Promise.all([own.publish(records), own.publish(records), theirs]);
      }
      const total = (await own.ends(INPUT)).reduce((sum, end) => sum + end, 0);
      await waitUntil(
        () => taken.length >= total,
        () => `${taken.length} of ${total} taken`,
      );
      for (const positions of positionsByPartition(taken)) expect(positions).toEqual(upTo(positions.length));
      const mine = taken.filter((record) => keyOf(record) === KEYS[0]);
      expect(new Set(mine.map(sequenceOf)).size).toBe(rounds.length);
    }));

  it('do not hold up the first record of another process', () =>
    withTwoLogs(async (own, other) => {
      const taken = await taking(own);
      const [busy = '', quiet = ''] = KEYS;
      let isOver = false;
      const traffic = (async () => {
        for (let sequence = 1; !isOver; sequence += 1) await own.publish([numbered(INPUT, busy, sequence)]);
      })();
      await waitUntil(
        () => taken.length > 200,
        () => `${taken.length} of our own taken`,
      );
      const [place] = await other.publish([numbered(INPUT, quiet, 1)]);
      const publishedMs = Date.now();
      await waitUntil(
        () => taken.some(({ partition, position }) => partition === place?.partition && position === place.position),
        () => 'the record of the other process',
      );
      expect(Date.now() - publishedMs).toBeLessThan(LATE_MS);
      isOver = true;
      await traffic;
    }));
});
