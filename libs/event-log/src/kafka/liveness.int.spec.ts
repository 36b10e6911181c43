import { KafkaProxy, freePort, kafkaBrokers, kafkaPossible, uniqueTopicPrefix } from '@switchhook/testing';
import { describe, expect, it } from 'vitest';
import { INPUT, numbered } from '../testing/records.js';
import { silentLogger } from '../testing/silent-logger.js';
import { waitUntil } from '../testing/wait-until.js';
import { leaderAnswers } from './fetch-watch.js';
import { openKafkaLog } from './kafka-log.js';
import { settingsOf } from './options.js';

describe.skipIf(!(await kafkaPossible()))('liveness on a real Kafka', () => {
  it('fails while fetches hang and metadata answers, and is back with the first fetch', async () => {
    const proxy = new KafkaProxy((await kafkaBrokers()).split(',')[0] ?? '');
    let aheadMs = 0;
    const log = openKafkaLog({
      brokers: [await proxy.listen()],
      ...{ clientId: 'liveness', topicPrefix: uniqueTopicPrefix(), createTopics: true, partitions: 1 },
      ...{ logger: silentLogger, now: () => Date.now() + aheadMs },
    });
    await log.start();
    let taken = 0;
    await log.consume({
      group: 'liveness',
      topics: [INPUT],
      handle: async ({ records }) => void (taken += records.length),
    });
    await log.publish([numbered(INPUT, 'key', 0)]);
    await waitUntil(
      () => taken === 1,
      () => 'the first record is taken',
    );
    expect(log.health()).toEqual({ ok: true });

    proxy.hold('fetch');
    await waitUntil(
      () => proxy.heldCount > 0,
      () => 'a fetch is held',
    );
    aheadMs = 31_000;
    await waitUntil(
      () => log.health().stuck !== undefined,
      () => `stuck: ${JSON.stringify(log.health())}`,
    );
    expect(log.health()).toMatchObject({
      ok: false,
      stuck: expect.stringMatching(/^Group liveness has had no answer/),
    });

    proxy.letGo();
    await log.publish([numbered(INPUT, 'key', 1)]);
    await waitUntil(
      () => taken === 2 && log.health().ok,
      () => `healthy again: ${JSON.stringify(log.health())}`,
    );
    expect(log.health().stuck).toBeUndefined();
    await log.close();
    proxy.close();
  }, 60_000);

  it('says of a broker that is not there that it does not answer', async () => {
    const wanted = [{ topic: INPUT, partition: 0 }];
    const options = {
      clientId: 'liveness',
      topicPrefix: uniqueTopicPrefix(),
      createTopics: true,
      logger: silentLogger,
    };
    const away = settingsOf({ ...options, brokers: [`127.0.0.1:${await freePort()}`] });
    expect(await leaderAnswers(wanted, away)).toBe(false);
  });
});
