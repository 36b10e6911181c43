import { TOPICS, declarationOf } from '@switchhook/contracts';
import { kafkaBrokers, kafkaPossible, uniqueTopicPrefix } from '@switchhook/testing';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { RecordTooLargeError } from '../errors.js';
import type { EventLog, LogRecord } from '../event-log.js';
import { INPUT, numbered } from '../testing/records.js';
import { waitUntil } from '../testing/wait-until.js';
import { openKafkaLog } from './kafka-log.js';

const nothing = (): void => undefined;
const LOGGER = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const LIMIT = declarationOf(INPUT).maxRecordBytes;

async function withLog(test: (log: EventLog, brokers: string[], topicPrefix: string) => Promise<void>): Promise<void> {
  const brokers = (await kafkaBrokers()).split(',');
  const topicPrefix = uniqueTopicPrefix();
  const log = openKafkaLog({ brokers, topicPrefix, clientId: 'limits', createTopics: true, logger: LOGGER });
  try {
    await log.start();
    await test(log, brokers, topicPrefix);
  } finally {
    await log.close();
  }
}

describe.skipIf(!(await kafkaPossible()))('the limits of the log on Kafka', () => {
  it('takes and hands on a record that is exactly at its limit, and refuses one byte more, alone', () =>
    withLog(async (log) => {
      const sized = (bytes: number) => ({ topic: INPUT, key: 'k', value: Buffer.alloc(bytes - 1, 'x'), headers: {} });
      const taken: LogRecord[] = [];
      await log.consume({
        group: 'limits',
        topics: [INPUT],
        handle: async (batch) => void taken.push(...batch.records),
      });
      const results = await Promise.allSettled([
        log.publish([numbered(INPUT, 'k', 0)]),
        log.publish([numbered(INPUT, 'k', 1), sized(LIMIT + 1)]),
        log.publish([sized(LIMIT)]),
        log.publish([numbered(INPUT, 'k', 2)]),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
      expect(results[1]).toMatchObject({ reason: expect.any(RecordTooLargeError) });
      await waitUntil(
        () => taken.length >= 3,
        () => `${taken.length} of 3 handed on`,
      );
      expect(taken.map((record) => record.value?.length)).toEqual([3, LIMIT - 1, 3]);
    }));

  it('lets only the record fail that the broker refuses', () =>
    withLog(async (log) => {
      // A compacted topic takes no record without a key.
      const topic = TOPICS.webhooks.name;
      const record = (key: string | null) => ({ topic, key, value: Buffer.from('x'), headers: {} });
      const keyed = Array.from({ length: 20 }, (_, index) => log.publish([record(`key ${index}`)]));
      await expect(log.publish([record(null)])).rejects.toThrow();
      expect((await Promise.all(keyed)).flat()).toHaveLength(20);
      expect((await log.ends(topic)).reduce((sum, end) => sum + end, 0)).toBe(20);
    }));

  it('does not begin where a group has finished more than its topic holds, and says which numbers', () =>
    withLog(async (log, brokers, topicPrefix) => {
      await log.publish([numbered(INPUT, 'k', 0)]);
      const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING });
      const admin = kafka.admin();
      await admin.connect();
      const partitions = [{ partition: 2, offset: '4711' }];
      await admin.setOffsets({ groupId: `${topicPrefix}lost`, topic: topicPrefix + INPUT, partitions });
      await admin.disconnect();
      const consuming = log.consume({ group: 'lost', topics: [INPUT], handle: async () => undefined });
      await expect(consuming).rejects.toThrow(/partition 2 up to 4711, but the topic ends at \d/);
    }));
});
