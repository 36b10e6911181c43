import { randomBytes } from 'node:crypto';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import type { Disabling } from '@switchhook/domain';
import type { EventLog } from '@switchhook/event-log';
import { migrate, postgresEventStore, startRelay, type CommandDeps, type Relay } from '@switchhook/event-store';
import {
  ACCOUNT_DIRECTORY,
  CLOCK,
  CONSUMER_GROUPS,
  CREDENTIAL_DIRECTORY,
  DATABASE,
  DATABASE_URL,
  EVENT_LOG,
  KEY_RING,
  LOGGER,
  LOOPBACK_GRANTS,
  METRICS,
  READINESS,
  WEBHOOK_DIRECTORY,
  EndpointDirectory,
  createPasswordCheck,
  credentialSecrets,
  type AccountDirectory,
  type ConsumerGroups,
  type CredentialDirectory,
  type KeyRing,
  type LoopbackGrants,
  type Metrics,
  type Readiness,
  type WebhookDirectory,
} from '@switchhook/platform';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { ApiDocsController } from './api-docs.controller.js';
import { readSubscriptionsConfig, type SubscriptionsConfig } from './config.js';
import { postgresCredentialTable, type CredentialTable } from './credential-table.js';
import { CredentialsController, MANAGE_CREDENTIALS } from './credentials.controller.js';
import { manageCredentials } from './manage-credentials.js';
import { managePauses } from './manage-pauses.js';
import { manageWebhooks } from './manage-webhooks.js';
import { expireWebhooks } from './expire-webhooks.js';
import { EverySecond } from './every-second.js';
import { MIGRATIONS } from './migrations.js';
import { disableWebhook } from './disable-webhook.js';
import { failingWebhooks, type FailingWebhooksDeps } from './failing-webhooks.js';
import { findWebhooks } from './find-webhooks.js';
import { followOutcomes } from './follow-outcomes.js';
import { healthOfFailing, postgresHealthStore } from './health-store.js';
import { FOLLOW_OUTCOMES, OutcomesConsumer } from './outcomes.consumer.js';
import { publishNotices } from './publish-notices.js';
import { HealthProjection } from './webhook-health.js';
import { postgresRepeatedCreates, type RepeatedCreates } from './repeated-creates.js';
import { SCHEMA } from './schema.js';
import { spendWebhooks } from './spend-webhooks.js';
import { ensurePlatformCredential } from './platform-credential.js';
import { MANAGE_PAUSES, PausesController } from './pauses.controller.js';
import { recordOf } from './relay-records.js';
import { RelayLifecycle } from './relay-lifecycle.js';
import { ResourcesController } from './resources.controller.js';
import { postgresWebhookTable, type WebhookTable } from './webhook-table.js';
import { FIND_WEBHOOKS, MANAGE_WEBHOOKS, WebhooksController } from './webhooks.controller.js';

const MIGRATED = Symbol('MIGRATED');
const COMMANDS = Symbol('COMMANDS');
const RELAY = Symbol('RELAY');
const WEBHOOK_TABLE = Symbol('WEBHOOK_TABLE');
const REPEATS = Symbol('REPEATS');
const CREDENTIAL_TABLE = Symbol('CREDENTIAL_TABLE');
const PLATFORM_CREDENTIAL = Symbol('PLATFORM_CREDENTIAL');
const EXPIRY_TIMER = Symbol('EXPIRY_TIMER');
const HEALTH_TIMER = Symbol('HEALTH_TIMER');
const NOTICES_TIMER = Symbol('NOTICES_TIMER');

/** In the order of the flow: tables → event store → relay. */
const storage: Provider[] = [
  {
    provide: MIGRATED,
    inject: [DATABASE_URL],
    useFactory: (url: string) => migrate({ url, schema: SCHEMA, migrations: MIGRATIONS }),
  },
  {
    provide: COMMANDS,
    inject: [DATABASE, CLOCK, MIGRATED],
    useFactory: (database: DataSource, now: () => number): CommandDeps => ({
      store: postgresEventStore({ database, schema: SCHEMA, now }),
      transaction: (work) => database.transaction(work),
    }),
  },
  {
    provide: RELAY,
    inject: [COMMANDS, DATABASE, EVENT_LOG, LOGGER],
    useFactory: ({ store }: CommandDeps, database: DataSource, log: EventLog, logger: Logger) =>
      startRelay({
        ...{ database, store },
        schema: SCHEMA,
        identity: log.identity,
        publish: async (events) => void (await log.publish(events.map(recordOf))),
        log: (line) => logger.warn(line),
      }),
  },
  { provide: RelayLifecycle, inject: [RELAY], useFactory: (relay: Relay) => new RelayLifecycle(relay) },
  { provide: WEBHOOK_TABLE, inject: [DATABASE, MIGRATED], useFactory: postgresWebhookTable },
  { provide: CREDENTIAL_TABLE, inject: [DATABASE, MIGRATED], useFactory: postgresCredentialTable },
  { provide: REPEATS, inject: [DATABASE, CLOCK, MIGRATED], useFactory: postgresRepeatedCreates },
];

/** What the API does with webhooks, then what happens to them by itself. */
const webhooks = ({ allowPrivate }: SubscriptionsConfig): Provider[] => [
  {
    provide: EndpointDirectory,
    inject: [EVENT_LOG, METRICS, LOGGER],
    useFactory: (log: EventLog, metrics: Metrics, logger: Logger) => EndpointDirectory.open({ log, metrics, logger }),
  },
  {
    provide: FIND_WEBHOOKS,
    inject: [DATABASE, WEBHOOK_TABLE, EVENT_LOG, WEBHOOK_DIRECTORY, EndpointDirectory, CLOCK],
    useFactory: (
      database: DataSource,
      table: WebhookTable,
      { identity }: EventLog,
      directory: WebhookDirectory,
      endpoints: EndpointDirectory,
      now: () => number,
    ) => {
      const healthOf: FailingWebhooksDeps['healthOf'] = (accountId, others) =>
        healthOfFailing(database, { identity, accountId, others });
      return findWebhooks({ table, failingOf: failingWebhooks({ directory, endpoints, healthOf, now }) });
    },
  },
  {
    provide: MANAGE_WEBHOOKS,
    inject: [COMMANDS, WEBHOOK_TABLE, REPEATS, RELAY, KEY_RING, CLOCK, LOOPBACK_GRANTS],
    useFactory: (
      commands: CommandDeps,
      table: WebhookTable,
      repeats: RepeatedCreates,
      relay: Relay,
      keyRing: KeyRing,
      now: () => number,
      loopbackGrants: LoopbackGrants,
    ) => manageWebhooks({ commands, table, repeats, relay, keyRing, now, randomBytes, allowPrivate, loopbackGrants }),
  },
  {
    provide: MANAGE_PAUSES,
    inject: [COMMANDS, WEBHOOK_TABLE, RELAY, WEBHOOK_DIRECTORY, ACCOUNT_DIRECTORY, CLOCK, LOGGER],
    useFactory: (
      commands: CommandDeps,
      table: WebhookTable,
      relay: Relay,
      directory: WebhookDirectory,
      accounts: AccountDirectory,
      now: () => number,
      logger: Logger,
    ) => managePauses({ commands, table, relay, directory, accounts, now, logger }),
  },
  {
    provide: EXPIRY_TIMER,
    inject: [COMMANDS, WEBHOOK_TABLE, CLOCK, LOGGER],
    useFactory: (commands: CommandDeps, table: WebhookTable, now: () => number, logger: Logger) =>
      new EverySecond(
        () => expireWebhooks({ commands, table, now }),
        (error) => logger.warn({ err: error }, 'webhooks that have expired are not ended'),
      ),
  },
];

/** What webhooks make of the outcomes of their deliveries, and what we say about it ourselves. */
const outcomes: Provider[] = [
  {
    provide: HealthProjection,
    inject: [COMMANDS, WEBHOOK_TABLE, WEBHOOK_DIRECTORY, DATABASE, EVENT_LOG, CLOCK, CONSUMER_GROUPS],
    useFactory: (
      commands: CommandDeps,
      table: WebhookTable,
      directory: WebhookDirectory,
      database: DataSource,
      log: EventLog,
      now: () => number,
      groups: ConsumerGroups,
    ) => {
      const disable = (webhookId: number, disabling: Disabling) =>
        disableWebhook({ commands, table, now }, webhookId, disabling);
      const health = new HealthProjection({ log, store: postgresHealthStore(database), directory, disable, now });
      groups.configure('subscriptions', {
        lazy: true,
        // A transaction for each batch with a failure in it: where six webhooks fail at 10/s each, 25 a second without it.
        lingerMs: 500,
        onAssigned: ({ partition }) => health.assign(partition),
        onRevoked: (partition) => health.revoke(partition),
      });
      return health;
    },
  },
  {
    provide: FOLLOW_OUTCOMES,
    inject: [COMMANDS, WEBHOOK_TABLE, WEBHOOK_DIRECTORY, HealthProjection, CLOCK],
    useFactory: (
      commands: CommandDeps,
      table: WebhookTable,
      directory: WebhookDirectory,
      health: HealthProjection,
      now: () => number,
    ) => followOutcomes({ directory, spend: spendWebhooks({ commands, table, directory, now }), health }),
  },
  {
    provide: HEALTH_TIMER,
    inject: [HealthProjection, LOGGER],
    useFactory: (health: HealthProjection, logger: Logger) =>
      new EverySecond(
        () => health.keepUp().then(() => 0),
        (error) => logger.warn({ err: error }, 'how webhooks fare is not stored'),
      ),
  },
  {
    provide: NOTICES_TIMER,
    inject: [DATABASE, EVENT_LOG, LOGGER, MIGRATED],
    useFactory: (database: DataSource, log: EventLog, logger: Logger) =>
      new EverySecond(
        () => publishNotices(database, log),
        (error) => logger.warn({ err: error }, 'events about webhooks wait'),
      ),
  },
];

const credentials = ({ admin }: SubscriptionsConfig): Provider[] => [
  {
    provide: MANAGE_CREDENTIALS,
    inject: [COMMANDS, CREDENTIAL_TABLE, RELAY, CREDENTIAL_DIRECTORY, KEY_RING, CLOCK],
    useFactory: (
      commands: CommandDeps,
      table: CredentialTable,
      relay: Relay,
      directory: CredentialDirectory,
      keyRing: KeyRing,
      now: () => number,
    ) => manageCredentials({ commands, table, relay, directory, keyRing, now, randomBytes }),
  },
  {
    provide: PLATFORM_CREDENTIAL,
    inject: [COMMANDS, KEY_RING, CLOCK, READINESS, CREDENTIAL_DIRECTORY, LOGGER],
    useFactory: async (
      commands: CommandDeps,
      keyRing: KeyRing,
      now: () => number,
      readiness: Readiness,
      directory: CredentialDirectory,
      logger: Logger,
    ) => {
      const checkPassword = createPasswordCheck(credentialSecrets(keyRing));
      const credential = await ensurePlatformCredential({ commands, checkPassword, now, randomBytes }, admin);
      if (!credential) logger.warn('there is no platform credential; set SWITCHHOOK_ADMIN_USER and _PASSWORD');
      const isKnown = (): boolean => !credential || (directory.get(credential.id)?.version ?? 0) >= credential.version;
      readiness.add('platform credential', () => (isKnown() ? undefined : 'it is not on the event log yet'));
    },
  },
];

@Module({})
export class SubscriptionsModule {
  static register(env: NodeJS.ProcessEnv): DynamicModule {
    const config = readSubscriptionsConfig(env);
    return {
      module: SubscriptionsModule,
      controllers: [
        ResourcesController,
        WebhooksController,
        PausesController,
        CredentialsController,
        ApiDocsController,
        OutcomesConsumer,
      ],
      providers: [...storage, ...webhooks(config), ...outcomes, ...credentials(config)],
    };
  }
}
