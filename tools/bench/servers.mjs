// The servers that a subject runs on. One broker serves the whole bench; every run has topics and a database of its own.
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { connectKafka } from './kafka-client.mjs';
import { startBroker } from '../kafka/broker.mjs';
import { root, say } from '../setup/project.mjs';

const PARTITIONS = 6;
const TOPIC_BYTES = 16 * 1024 * 1024;

let broker;

/** The broker of this bench; started when it is first asked for. `{ brokers, pid, version }` */
export async function sharedBroker() {
  broker ??= start();
  return broker;
}

async function start() {
  say('Starting Kafka');
  const dir = mkdtempSync(join(tmpdir(), 'switchhook-bench-kafka-'));
  const running = await startBroker({ dir, port: 0, log: say, heapMb: 1024 });
  const stop = async () => {
    await running.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  return { brokers: `127.0.0.1:${running.port}`, pid: running.pid, stop };
}

export async function stopSharedBroker() {
  await (await broker)?.stop();
}

export const newPrefix = () => `bench${randomUUID().slice(0, 8)}.`;

/** The floor's topics, which the product makes itself. */
export async function createFloorTopics(brokers, prefix) {
  const names = ['events.v1', 'deliveries.requested.v1', 'deliveries.signed.v1', 'deliveries.outcomes.v1'];
  const configEntries = [{ name: 'max.message.bytes', value: String(TOPIC_BYTES) }];
  const topics = names.map((name) => ({
    topic: prefix + name,
    numPartitions: PARTITIONS,
    replicationFactor: 1,
    configEntries,
  }));
  await withAdmin(brokers, (admin) => admin.createTopics({ topics, waitForLeaders: true }));
}

export async function deleteTopics(brokers, prefix) {
  await withAdmin(brokers, async (admin) => {
    const topics = (await admin.listTopics()).filter((name) => name.startsWith(prefix));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  });
}

async function withAdmin(brokers, use) {
  const admin = connectKafka(brokers, 'bench').admin();
  await admin.connect();
  try {
    await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** A folder that the user of PostgreSQL can pass through. */
export function newDataDir() {
  const dir = mkdtempSync(join(tmpdir(), 'switchhook-bench-'));
  chmodSync(dir, 0o755);
  return dir;
}

/** A new PostgreSQL as the product embeds it: the same programs and settings, `fsync` on. `{ url, pid, stop() }` */
export async function startPostgres() {
  const dataDir = newDataDir();
  const built = join(root, 'libs/platform/dist/embedded-postgres/embedded-postgres.js');
  const { startEmbeddedPostgres } = await import(pathToFileURL(built).href);
  const logger = { info: () => {}, warn: console.error, error: console.error };
  const postgres = await startEmbeddedPostgres({ dataDir, pinned: true, logger });
  const killWithUs = () => process.kill(postgres.pid, 'SIGINT');
  process.on('exit', killWithUs);
  return {
    url: postgres.url,
    pid: postgres.pid,
    stop: async () => {
      process.off('exit', killWithUs);
      await postgres.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
