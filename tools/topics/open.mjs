import { join, resolve } from 'node:path';
import { kafkaSettings, quiet } from './kafka-settings.mjs';

const dist = (lib) => import(`../../libs/${lib}/dist/index.js`);

/**
 * The log and the database that the settings name: Kafka, or the embedded log of a product that is stopped. Answers with
 * `{ log, databaseUrl, close }`; `databaseUrl` is undefined on Kafka without DATABASE_URL. Throws with one message.
 */
export async function openLog() {
  const { openEmbeddedLog, openKafkaLog } = await dist('event-log');
  const kafka = kafkaSettings();
  if (kafka) {
    const log = openKafkaLog({ ...kafka, createTopics: false });
    await log.start();
    return { log, databaseUrl: process.env.DATABASE_URL, close: () => log.close() };
  }
  const database = await embeddedDatabase();
  const log = openEmbeddedLog({ databaseUrl: database.url, logger: quiet });
  const close = async () => {
    await log.close();
    await database.stop();
  };
  await log.start().catch(async (error) => {
    await close();
    throw error;
  });
  return { log, databaseUrl: database.url, close };
}

async function embeddedDatabase() {
  const { DATABASE_URL: url, SWITCHHOOK_DATA: dataDir } = process.env;
  if (url) return { url, stop: async () => {} };
  const { reachEmbeddedPostgres } = await dist('platform');
  return reachEmbeddedPostgres({
    dataDir: resolve(dataDir ?? join(process.cwd(), '.switchhook')),
    pinned: dataDir !== undefined,
    logger: quiet,
  });
}
