import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { openTimeMs } from '@switchhook/domain';
import type { EventLog } from '@switchhook/event-log';
import { migrate } from '@switchhook/event-store';
import {
  CLOCK,
  CONSUMER_GROUPS,
  DATABASE,
  DATABASE_URL,
  EVENT_LOG,
  KEY_RING,
  LOGGER,
  METRICS,
  WEBHOOK_DIRECTORY,
  open,
  type ConsumerGroups,
  type KeyRing,
  type Metrics,
  type WebhookDirectory,
} from '@switchhook/platform';
import type { Logger } from 'pino';
import { Gauge } from 'prom-client';
import type { DataSource } from 'typeorm';
import { readDeliveryConfig, type DeliveryConfig } from './config.js';
import { Breakers } from './breakers.js';
import { CircuitController, SHOW_CIRCUIT } from './circuit.controller.js';
import { CertificateWatch } from './certificate-watch.js';
import { credentialsUnreadable } from './credentials-unreadable.js';
import { DELIVERY, createDelivery, type Delivery } from './delivery.js';
import type { DeliveryDeps, DeliveryReport } from './delivery-parts.js';
import { DeliveryLifecycle } from './delivery-lifecycle.js';
import { deliveryReport } from './delivery-report.js';
import { GateStore } from './gate-store.js';
import type { HttpSender } from './http-sender.js';
import { DELIVERY_MIGRATIONS } from './migrations/all.js';
import { openSender } from './open-sender.js';
import { OutcomesConsumer } from './outcomes.consumer.js';
import { PresentedCredentials } from './presented.js';
import { Schedule } from './schedule.js';
import { showCircuit } from './show-circuit.js';
import { SignedConsumer } from './signed.consumer.js';

const SENDER = Symbol('SENDER');
const PRESENTED = Symbol('PRESENTED');
const STORES = Symbol('STORES');
const REPORT = Symbol('REPORT');

type Stores = DeliveryDeps['stores'];

/** What calls are made with. */
const calls = (config: DeliveryConfig): Provider[] => [
  {
    provide: SENDER,
    useFactory: () => openSender(config),
  },
  {
    provide: PRESENTED,
    inject: [KEY_RING, METRICS, LOGGER],
    useFactory: (keyRing: KeyRing, metrics: Metrics, logger: Logger) =>
      new PresentedCredentials(
        ({ id, accountId }, field, sealed) => open(keyRing, 'delivery', { accountId, webhookId: id, field }, sealed),
        credentialsUnreadable(metrics, logger),
      ),
  },
  {
    provide: CertificateWatch,
    inject: [WEBHOOK_DIRECTORY, METRICS, LOGGER, CLOCK],
    useFactory: (directory: WebhookDirectory, metrics: Metrics, logger: Logger, now: () => number) =>
      new CertificateWatch({
        directory,
        logger,
        expiring: new Gauge({
          name: 'switchhook_client_certificates_expiring',
          help: 'Client certificates of webhooks that expire within 30 days, or have expired',
          registers: [metrics.registry],
        }),
        now,
      }),
  },
];

/** What delivery keeps, and what operators hear of it. */
const stores: Provider[] = [
  {
    provide: STORES,
    inject: [DATABASE, DATABASE_URL],
    useFactory: async (database: DataSource, url: string) => {
      await migrate({ url, schema: 'delivery', migrations: DELIVERY_MIGRATIONS });
      return { schedule: new Schedule(database), gates: new GateStore(database) };
    },
  },
  {
    provide: REPORT,
    inject: [METRICS, LOGGER, CLOCK],
    useFactory: deliveryReport,
  },
];

/** In the order of the flow: signed → lane → call → outcome → schedule. */
const deliveries = ({ accountWeights }: DeliveryConfig): Provider[] => [
  {
    provide: DELIVERY,
    inject: [EVENT_LOG, STORES, WEBHOOK_DIRECTORY, PRESENTED, SENDER, CLOCK, REPORT],
    useFactory: (
      log: EventLog,
      stores: Stores,
      webhooks: WebhookDirectory,
      presented: PresentedCredentials,
      sender: HttpSender,
      now: () => number,
      report: DeliveryReport,
    ) => {
      const breakers = new Breakers({ send: sender.send, now, openTimeMs });
      const presentedBy = presented.of.bind(presented);
      const weightOf = (accountId: number): number => accountWeights.get(accountId) ?? 1;
      return createDelivery({
        log,
        stores,
        webhooks,
        pauses: webhooks.pauses,
        presentedBy,
        breakers,
        weightOf,
        now,
        random: Math.random,
        report,
      });
    },
  },
  {
    provide: DeliveryLifecycle,
    inject: [DELIVERY, STORES, WEBHOOK_DIRECTORY, SENDER, METRICS, CONSUMER_GROUPS],
    useFactory: (
      delivery: Delivery,
      { schedule }: Stores,
      { pauses }: WebhookDirectory,
      sender: HttpSender,
      metrics: Metrics,
      groups: ConsumerGroups,
    ) => {
      groups.configure('delivery', {
        settle: 'record',
        onAssigned: (partition) => delivery.onAssigned(partition),
        onRevoked: (partition, graceMs) => delivery.onRevoked(partition, graceMs),
      });
      return new DeliveryLifecycle({ delivery, schedule, pauses, sender, metrics });
    },
  },
];

const circuits: Provider[] = [
  {
    provide: SHOW_CIRCUIT,
    inject: [DELIVERY, WEBHOOK_DIRECTORY],
    useFactory: (delivery: Delivery, webhooks: WebhookDirectory) =>
      showCircuit({ circuits: delivery.circuits, webhooks }),
  },
];

@Module({})
export class DeliveryModule {
  static register(env: NodeJS.ProcessEnv): DynamicModule {
    const config = readDeliveryConfig(env);
    return {
      module: DeliveryModule,
      controllers: [SignedConsumer, OutcomesConsumer, CircuitController],
      providers: [...calls(config), ...stores, ...deliveries(config), ...circuits],
    };
  }
}
