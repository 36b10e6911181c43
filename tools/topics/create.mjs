import { kafkaSettings } from './kafka-settings.mjs';

/** Creates the missing topics on the cluster that KAFKA_BROKERS names, and says what it did. Throws with one message. */
export async function createMissing() {
  const settings = kafkaSettings();
  if (!settings) throw new Error('KAFKA_BROKERS is not set: a comma list of host:port');
  const { createKafkaTopics } = await import('../../libs/event-log/dist/index.js');
  const { created, present } = await createKafkaTopics(settings);
  for (const topic of created) console.log(`created  ${topic}`);
  for (const topic of present) console.log(`present  ${topic}`);
  console.log(`${created.length} created, ${present.length} already there`);
}
