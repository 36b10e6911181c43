import { createRequire } from 'node:module';
import kafkajs, { type Message } from 'kafkajs';
import type { RunningSwitchhook } from './harness.js';

// Where nothing waits, kafkajs 2.2.4 asks for a timer that was due in 1970, and Node warns of it.
const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js');
const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
RequestQueue.prototype.scheduleCheckPendingRequests = function (this: { pending: unknown[]; throttledUntil: number }) {
  if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
};

/** Produces to `events.v1` as a platform's own service would. The product must run on Kafka. */
export async function produceToKafka(
  product: Pick<RunningSwitchhook, 'settings'>,
  messages: readonly Message[],
): Promise<void> {
  const { KAFKA_BROKERS: brokers = '', TOPIC_PREFIX: prefix = '' } = product.settings;
  const kafka = new kafkajs.Kafka({
    brokers: brokers.split(','),
    clientId: 'carrier',
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    await producer.send({ topic: `${prefix}events.v1`, acks: -1, messages: [...messages] });
  } finally {
    await producer.disconnect();
  }
}
