/*
 * The program that takeover.int.spec.ts kills: a member of one group, wired as a service is. It says `joined <ms>` on
 * stdout when it has its partitions, and ends with whoever started it.
 */
import { openDatabase, openProcessRegister } from '@switchhook/event-store';
import { openKafkaLog } from '@switchhook/event-log';
import { TOPICS } from '@switchhook/contracts';

process.stdin.on('end', () => process.exit()).resume();

const nothing = (): void => undefined;
const url = String(process.env.DATABASE_URL);
const database = await openDatabase({ url, applicationName: 'killed member' });
const log = openKafkaLog({
  brokers: String(process.env.KAFKA_BROKERS).split(','),
  clientId: 'killed-member',
  topicPrefix: String(process.env.TOPIC_PREFIX),
  createTopics: true,
  logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  members: await openProcessRegister(database, url),
});
await log.start();
const startedMs = performance.now();
await log.consume({ group: 'killed', topics: [TOPICS.requested.name], handle: async () => undefined });
console.log(`joined ${Math.round(performance.now() - startedMs)}`);
