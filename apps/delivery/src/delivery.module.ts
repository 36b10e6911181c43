import { Module, type DynamicModule, type Provider } from '@nestjs/common';
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
import { DELIVERY, createDelivery, type Delivery } from './delivery.js';
import { DeliveryLifecycle } from './delivery-lifecycle.js';
import { deliveryReport } from './delivery-report.js';
import { httpSender, type HttpSender } from './http-sender.js';
import { Schedule1700000000001 } from './migrations/0001-schedule.js';
import { OutcomesConsumer } from './outcomes.consumer.js';
import { hostResolver } from './resolve-host.js';
import { Schedule } from './schedule.js';
import { SignedConsumer } from './signed.consumer.js';

const SENDER = Symbol('SENDER');
const SCHEDULE = Symbol('SCHEDULE');

/** In the order of the flow: signed → lane → call → outcome → schedule. */
const providers = (config: DeliveryConfig): Provider[] => [
  {
    provide: SENDER,
    useFactory: () => httpSender({ resolve: hostResolver(), allowedCidrs: config.allowedCidrs }),
  },
  {
    provide: SCHEDULE,
    inject: [DATABASE, DATABASE_URL],
    useFactory: async (database: DataSource, url: string) => {
      await migrate({ url, schema: 'delivery', migrations: [checkpointsMigration('delivery'), Schedule1700000000001] });
      return new Schedule(database);
    },
  },
  {
    provide: DELIVERY,
    inject: [EVENT_LOG, SCHEDULE, WEBHOOK_DIRECTORY, SENDER, CLOCK, METRICS, LOGGER],
    useFactory: (
      log: EventLog,
      schedule: Schedule,
      webhooks: WebhookDirectory,
      sender: HttpSender,
      now: () => number,
      metrics: Metrics,
      logger: Logger,
    ) => {
      const report = deliveryReport(metrics, logger, now);
      return createDelivery({ log, schedule, webhooks, send: sender.send, now, random: Math.random, report });
    },
  },
  {
    provide: DeliveryLifecycle,
    inject: [DELIVERY, SCHEDULE, SENDER, METRICS, CONSUMER_GROUPS],
    useFactory: (
      delivery: Delivery,
      schedule: Schedule,
      sender: HttpSender,
      metrics: Metrics,
      groups: ConsumerGroups,
    ) => {
      groups.configure('delivery', {
        settle: 'record',
        onAssigned: (partition) => delivery.onAssigned(partition),
        onRevoked: (partition) => delivery.onRevoked(partition),
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
