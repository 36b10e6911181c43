import { Resolver } from 'node:dns/promises';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { openTimeMs } from '@switchhook/domain';
import type { EventLog } from '@switchhook/event-log';
import { checkpointsMigration, migrate } from '@switchhook/event-store';
import {
  CLOCK,
  CONSUMER_GROUPS,
  DATABASE,
  DATABASE_URL,
  EVENT_LOG,
  LOGGER,
  METRICS,
  WEBHOOK_DIRECTORY,
  type ConsumerGroups,
  type Metrics,
  type WebhookDirectory,
} from '@switchhook/platform';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { readDeliveryConfig, type DeliveryConfig } from './config.js';
import { Breakers } from './breakers.js';
import { DELIVERY, createDelivery, type Delivery } from './delivery.js';
import type { DeliveryDeps } from './delivery-parts.js';
import { DeliveryLifecycle } from './delivery-lifecycle.js';
import { deliveryReport } from './delivery-report.js';
import { GateStore } from './gate-store.js';
import { watchHostsFile } from './hosts-file.js';
import { httpSender, type HttpSender } from './http-sender.js';
import { Schedule1700000000001 } from './migrations/0001-schedule.js';
import { Gates1700000000002 } from './migrations/0002-gates.js';
import { OutcomesConsumer } from './outcomes.consumer.js';
import { hostResolver } from './resolve-host.js';
import { Schedule } from './schedule.js';
import { SignedConsumer } from './signed.consumer.js';

const SENDER = Symbol('SENDER');
const STORES = Symbol('STORES');

type Stores = DeliveryDeps['stores'];

const DNS = { timeout: 2_000, tries: 1 };
const HOSTS_FILE = { path: '/etc/hosts', everyMs: 5_000 };

function senderOf({ allowedCidrs }: DeliveryConfig): HttpSender {
  const hosts = watchHostsFile(HOSTS_FILE.path, HOSTS_FILE.everyMs);
  const { send, close } = httpSender({ resolve: hostResolver({ hosts, resolver: new Resolver(DNS) }), allowedCidrs });
  const closeAll = (): Promise<void> => {
    hosts.close();
    return close();
  };
  return { send, close: closeAll };
}

/** In the order of the flow: signed → lane → call → outcome → schedule. */
const providers = (config: DeliveryConfig): Provider[] => [
  {
    provide: SENDER,
    useFactory: () => senderOf(config),
  },
  {
    provide: STORES,
    inject: [DATABASE, DATABASE_URL],
    useFactory: async (database: DataSource, url: string) => {
      const migrations = [checkpointsMigration('delivery'), Schedule1700000000001, Gates1700000000002];
      await migrate({ url, schema: 'delivery', migrations });
      return { schedule: new Schedule(database), gates: new GateStore(database) };
    },
  },
  {
    provide: DELIVERY,
    inject: [EVENT_LOG, STORES, WEBHOOK_DIRECTORY, SENDER, CLOCK, METRICS, LOGGER],
    useFactory: (
      log: EventLog,
      stores: Stores,
      webhooks: WebhookDirectory,
      sender: HttpSender,
      now: () => number,
      metrics: Metrics,
      logger: Logger,
    ) => {
      const report = deliveryReport(metrics, logger, now);
      const breakers = new Breakers({ send: sender.send, now, openTimeMs });
      return createDelivery({ log, stores, webhooks, breakers, now, random: Math.random, report });
    },
  },
  {
    provide: DeliveryLifecycle,
    inject: [DELIVERY, STORES, SENDER, METRICS, CONSUMER_GROUPS],
    useFactory: (
      delivery: Delivery,
      { schedule }: Stores,
      sender: HttpSender,
      metrics: Metrics,
      groups: ConsumerGroups,
    ) => {
      groups.configure('delivery', {
        settle: 'record',
        onAssigned: (partition) => delivery.onAssigned(partition),
        onRevoked: (partition, graceMs) => delivery.onRevoked(partition, graceMs),
      });
      return new DeliveryLifecycle({ delivery, schedule, sender, metrics });
    },
  },
];

@Module({})
export class DeliveryModule {
  static register(env: NodeJS.ProcessEnv): DynamicModule {
    return {
      module: DeliveryModule,
      controllers: [SignedConsumer, OutcomesConsumer],
      providers: providers(readDeliveryConfig(env)),
    };
  }
}
