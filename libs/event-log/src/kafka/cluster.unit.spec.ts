import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { silentLogger } from '../testing/silent-logger.js';
import { KafkaCluster } from './cluster.js';
import { settingsOf } from './options.js';

const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js');
const NAMES = { clientId: 'test', broker: 'nowhere:9092', logger: silentLogger };

it('a request to Kafka that nobody answers fails, a second after its limit at most', async () => {
  // Mends the queues of all connections.
  new KafkaCluster(settingsOf({ ...NAMES, brokers: [NAMES.broker], topicPrefix: '', createTopics: false }));
  const queue = new RequestQueue({ ...NAMES, requestTimeout: 1, enforceRequestTimeout: true, isConnected: () => true });
  queue.scheduleRequestTimeoutCheck();
  const answer = new Promise((resolve, reject) => {
    const entry = { correlationId: 1, apiName: 'Fetch', apiKey: 1, apiVersion: 11, resolve, reject };
    queue.push({ entry, expectResponse: true, requestTimeout: 1, sendRequest: () => undefined });
  });
  await expect(answer).rejects.toThrow('timed out');
  expect(queue.inflight.size).toBe(0);
  queue.destroy();
});
