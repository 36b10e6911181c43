import { kafkaBrokers, kafkaPossible, uniqueTopicPrefix } from '@switchhook/testing';
import { describe, expect, it } from 'vitest';
import { INPUT, numbered } from '../testing/records.js';
import { silentLogger } from '../testing/silent-logger.js';
import { waitUntil } from '../testing/wait-until.js';
import { HandOver, type TakerPlace } from './hand-over.js';
import { HealthBook } from './health-book.js';
import { openKafkaLog } from './kafka-log.js';
import { settingsOf } from './options.js';
import type { PartitionBatch } from './produce-queue.js';
import { Producer } from './producer.js';

/** Notes where something was on its way when its acknowledgement came. */
class NotingHandOver extends HandOver {
  readonly acknowledged: { readonly place: TakerPlace; readonly wasUnderWay: boolean }[] = [];

  override appended(batch: PartitionBatch, base: number, appendedAtMs: number): void {
    const { topic, partition } = batch;
    this.acknowledged.push({ place: { topic, partition }, wasUnderWay: this.isAppending(batch) });
    super.appended(batch, base, appendedAtMs);
  }
}

describe.skipIf(!(await kafkaPossible()))('the producer', () => {
  it('says what is on its way to the log, until the log has answered', async () => {
    const brokers = (await kafkaBrokers()).split(',');
    const options = { brokers, topicPrefix: uniqueTopicPrefix(), clientId: 'producer', logger: silentLogger };
    const log = openKafkaLog({ ...options, createTopics: true });
    const settings = settingsOf({ ...options, createTopics: false });
    const handOver = new NotingHandOver();
    const producer = new Producer(settings, new HealthBook(settings.now), handOver);
    try {
      await log.start();
      await producer.publish(['a', 'b', 'c', 'd'].map((key, index) => numbered(INPUT, key, index)));
      const { acknowledged } = handOver;
      expect(acknowledged.length).toBeGreaterThan(0);
      expect(acknowledged.filter(({ wasUnderWay }) => !wasUnderWay)).toEqual([]);
      await waitUntil(
        () => acknowledged.every(({ place }) => !handOver.isAppending(place)),
        () => 'something is still said to be on its way',
      );
    } finally {
      await producer.close();
      await log.close();
    }
  });
});
