import { readFile } from 'node:fs/promises';
import { openEmbeddedLog, openKafkaLog, type OperableLog, type MemberStore } from '@switchhook/event-log';
import type { Logger } from 'pino';
import type { Settings } from './settings.js';

export interface LogOptions {
  readonly settings: Settings;
  readonly databaseUrl: string;
  readonly clientId: string;
  readonly logger: Logger;
  /** Kafka only. */
  readonly members: MemberStore | undefined;
}

/** Kafka where brokers are named, else the log in `databaseUrl`. Not started yet. */
export async function openLog(options: LogOptions): Promise<OperableLog> {
  const { settings, databaseUrl, clientId, logger, members } = options;
  const partitions = settings.KAFKA_PARTITIONS;
  if (!settings.KAFKA_BROKERS) return openEmbeddedLog({ databaseUrl, partitions, logger });
  return openKafkaLog({
    brokers: settings.KAFKA_BROKERS,
    clientId,
    topicPrefix: settings.TOPIC_PREFIX,
    partitions,
    replication: settings.KAFKA_REPLICATION,
    createTopics: settings.KAFKA_CREATE_TOPICS,
    sasl: saslOf(settings),
    ssl: await sslOf(settings),
    logger,
    ...(members && { members }),
  });
}

function saslOf(settings: Settings) {
  if (settings.KAFKA_SASL_MECHANISM === undefined) return undefined;
  return {
    mechanism: settings.KAFKA_SASL_MECHANISM,
    username: settings.KAFKA_SASL_USERNAME ?? '',
    password: settings.KAFKA_SASL_PASSWORD ?? '',
  };
}

async function sslOf(settings: Settings) {
  if (!settings.KAFKA_SSL) return undefined;
  const [ca, cert, key] = await Promise.all(
    [settings.KAFKA_SSL_CA, settings.KAFKA_SSL_CERT, settings.KAFKA_SSL_KEY].map(readPem),
  );
  return { ...(ca && { ca: [ca] }), ...(cert && { cert }), ...(key && { key }) };
}

const readPem = async (path: string | undefined): Promise<string | undefined> =>
  path === undefined ? undefined : readFile(path, 'utf8');
