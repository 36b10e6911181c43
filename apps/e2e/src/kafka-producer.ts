import kafkajs, { type Message } from 'kafkajs';
import type { RunningSwitchhook } from './harness.js';

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
