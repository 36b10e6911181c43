import { randomBytes } from 'node:crypto';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import type { EventLog } from '@switchhook/event-log';
import { migrate, preparedQueries } from '@switchhook/event-store';
import {
  CLOCK,
  CONSUMER_GROUPS,
  DATABASE,
  DATABASE_URL,
  EVENT_LOG,
  LOGGER,
  METRICS,
  WEBHOOK_DIRECTORY,
  EndpointDirectory,
  type ConsumerGroups,
  type Metrics,
  type WebhookDirectory,
} from '@switchhook/platform';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { archiveBatch } from './archive-batch.js';
import { ArchivePositions } from './archive-positions.js';
import { createSourceIds } from './archive-tables.js';
import { ARCHIVE_BATCH, ARCHIVE_GROUP, ArchiveConsumer } from './archive.consumer.js';
import type { ArchiveDeps } from './archive.js';
import { readAuditConfig, type AuditConfig } from './config.js';
import { createDayPartitions } from './day-partitions.js';
import { DELIVERY_LOG, DeliveriesController } from './deliveries.controller.js';
import { deliveryLog } from './delivery-log.js';
import { EventSearchController } from './event-search.controller.js';
import { AUDIT_MIGRATIONS } from './migrations/all.js';
import { gatherer } from './gather.js';
import { viewsOver } from './views.js';

/** The database, with the tables of `audit` in it. */
const TABLES = Symbol('TABLES');
const ON_UNREADABLE = Symbol('ON_UNREADABLE');

/** In the order of the flow: log → archive and views → HTTP. */
const providers = ({ batchRecords }: AuditConfig): Provider[] => [
  {
    provide: TABLES,
    inject: [DATABASE, DATABASE_URL],
    useFactory: async (database: DataSource, url: string): Promise<DataSource> => {
      await migrate({ url, schema: 'audit', migrations: AUDIT_MIGRATIONS });
      return database;
    },
  },
  {
    provide: ON_UNREADABLE,
    inject: [METRICS, LOGGER],
    useFactory:
      (metrics: Metrics, logger: Logger): ArchiveDeps['onUnreadable'] =>
      ({ topic, partition, position }, fault) => {
        metrics.recordsUnreadable.inc({ topic });
        logger.warn({ topic, partition, position, fault }, 'a record is archived that is not as we write them');
      },
  },
  {
    provide: ARCHIVE_BATCH,
    inject: [TABLES, EVENT_LOG, ON_UNREADABLE, METRICS, CLOCK, CONSUMER_GROUPS],
    useFactory: (
      database: DataSource,
      { identity }: EventLog,
      onUnreadable: ArchiveDeps['onUnreadable'],
      metrics: Metrics,
      now: () => number,
      groups: ConsumerGroups,
    ) => {
      groups.configure(ARCHIVE_GROUP, { lazy: true, batchRecords });
      const sourceIds = createSourceIds(database);
      const prepared = preparedQueries(database);
      const archive = gatherer({
        ...{ database: prepared, identity, sourceIds, randomBytes, onUnreadable },
        positions: new ArchivePositions(prepared, identity),
        dayPartitions: createDayPartitions(database),
        intoViews: viewsOver(sourceIds),
      });
      return archiveBatch({ archive, metrics, now });
    },
  },
  {
    provide: EndpointDirectory,
    inject: [EVENT_LOG, METRICS, LOGGER],
    useFactory: (log: EventLog, metrics: Metrics, logger: Logger) => EndpointDirectory.open({ log, metrics, logger }),
  },
  {
    provide: DELIVERY_LOG,
    inject: [TABLES, WEBHOOK_DIRECTORY, EndpointDirectory, CLOCK],
    useFactory: (database: DataSource, webhooks: WebhookDirectory, endpoints: EndpointDirectory, now: () => number) =>
      deliveryLog({
        ...{ database, endpoints, now },
        pauses: webhooks.pauses,
        webhookOf: (webhookId) => webhooks.get(webhookId),
      }),
  },
];

/** The archive of every record of every topic, and the delivery log over it. */
@Module({})
export class AuditModule {
  static register(env: NodeJS.ProcessEnv): DynamicModule {
    return {
      module: AuditModule,
      controllers: [ArchiveConsumer, DeliveriesController, EventSearchController],
      providers: providers(readAuditConfig(env)),
    };
  }
}
