import { channel } from 'node:diagnostics_channel';
import { ALL_TOPICS, TOPICS, type TopicDeclaration } from '@switchhook/contracts';
import { pause } from '../backoff.js';
import { KafkaCluster, protocolType } from './cluster.js';
import { END, listOffsets } from './offsets.js';
import { settingsOf, type KafkaLogOptions } from './options.js';

/** Where chaos runs end the process (docs/adr/0035). */
const TOPICS_CREATED = channel('switchhook.kafka.topics-created');

const DEFAULT_PARTITIONS = 6;
const MOST_REPLICAS = 3;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** What a batch adds to a record that is exactly at its limit. */
const BATCH_ROOM_BYTES = 16 * 1024;
const CREATE_TIMEOUT_MS = 15_000;
const LEADER_TRIES = 100;
const LEADER_PAUSE_MS = 100;

export interface TopicsReport {
  readonly clusterId: string;
  readonly created: readonly string[];
  readonly present: readonly string[];
}

/** Creates what the cluster lacks of the topics table; names in the answer are with prefix. Throws when it cannot. */
export async function createTopics(options: KafkaLogOptions): Promise<TopicsReport> {
  const cluster = new KafkaCluster(settingsOf(options));
  try {
    return await ensureTopics(cluster, options);
  } finally {
    await cluster.close();
  }
}

/** As `createTopics`, through connections that are there. */
export async function ensureTopics(kafka: KafkaCluster, options: KafkaLogOptions): Promise<TopicsReport> {
  const cluster = await kafka.connect();
  await cluster.refreshMetadata();
  const controller = await cluster.findControllerBroker();
  const metadata = await controller.metadata([]);
  const there = new Set(metadata.topicMetadata.map(({ topic }) => topic));
  const missing = ALL_TOPICS.filter(({ name }) => !there.has(options.topicPrefix + name));
  const replication = options.replication ?? Math.min(MOST_REPLICAS, metadata.brokers.length);
  if (missing.length > 0) {
    const topics = missing.map((topic) => creation(topic, options, replication));
    // Another start may have been quicker.
    await controller.createTopics({ topics, timeout: CREATE_TIMEOUT_MS }).catch(ignoreExisting);
    TOPICS_CREATED.publish(undefined);
  }
  const names = (topics: readonly TopicDeclaration[]): string[] => topics.map(({ name }) => options.topicPrefix + name);
  return {
    clusterId: metadata.clusterId ?? 'unknown',
    created: names(missing),
    present: names(ALL_TOPICS.filter((topic) => !missing.includes(topic))),
  };
}

function creation(topic: TopicDeclaration, options: KafkaLogOptions, replication: number): object {
  const settings: Record<string, string> = {
    'message.timestamp.type': 'LogAppendTime',
    'max.message.bytes': String(topic.maxRecordBytes + BATCH_ROOM_BYTES),
    // Producers may compress as they like; we read what Node can, so the broker unpacks the rest.
    'compression.type': 'uncompressed',
    'cleanup.policy': topic.cleanup,
  };
  if (topic.retentionDays !== undefined) settings['retention.ms'] = String(topic.retentionDays * DAY_MS);
  if (topic.compactionLagDays !== undefined) {
    settings['min.compaction.lag.ms'] = String(topic.compactionLagDays * DAY_MS);
  }
  if (replication >= MOST_REPLICAS) settings['min.insync.replicas'] = '2';
  return {
    topic: options.topicPrefix + topic.name,
    numPartitions: options.partitions ?? DEFAULT_PARTITIONS,
    replicationFactor: replication,
    configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
  };
}

function ignoreExisting(error: unknown): void {
  const errors: unknown[] = error instanceof Error && 'errors' in error ? (error.errors as unknown[]) : [error];
  const others = errors.filter((one) => protocolType(one) !== 'TOPIC_ALREADY_EXISTS');
  if (others.length > 0) throw error;
}

/**
 * Resolves when every partition of the table's topics answers: for a moment after its creation a topic has no leader, and
 * then a leader that does not know it yet.
 */
export async function untilLed(kafka: KafkaCluster, topicPrefix: string): Promise<void> {
  // One topic at a time: the broker is busy with what it waits for.
  for (const { name } of ALL_TOPICS) {
    for (let left = LEADER_TRIES; ; left -= 1) {
      try {
        await listOffsets(kafka, topicPrefix + name, END);
        break;
      } catch (error) {
        if (left === 0) throw error;
      }
      await pause(LEADER_PAUSE_MS);
      await kafka.refresh();
    }
  }
}

/** Partitions by topic (without prefix). Throws, naming it, when a topic of the table is missing. */
export async function partitionCounts(kafka: KafkaCluster, topicPrefix: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { name } of ALL_TOPICS) counts.set(name, (await kafka.leaders(topicPrefix + name)).length);
  return counts;
}

/** Throws when topics whose partitions belong together have not equally many of them. */
export function checkCopartitioning(counts: ReadonlyMap<string, number>): void {
  const topics: readonly TopicDeclaration[] = Object.values(TOPICS);
  const together = topics.filter(({ copartitioned }) => copartitioned !== undefined).map(({ name }) => name);
  if (new Set(together.map((name) => counts.get(name))).size <= 1) return;
  const list = together.map((name) => `${name} has ${counts.get(name)}`).join(', ');
  throw new Error(`These topics must have the same number of partitions, but ${list}`);
}
