import { randomBytes } from 'node:crypto';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import type { EventLog } from '@switchhook/event-log';
import { migrate, postgresEventStore, startRelay, type CommandDeps, type Relay } from '@switchhook/event-store';
import {
  CLOCK,
  CREDENTIAL_DIRECTORY,
  DATABASE,
  DATABASE_URL,
  EVENT_LOG,
  KEY_RING,
  LOGGER,
  LOOPBACK_GRANTS,
  READINESS,
  createPasswordCheck,
  credentialSecrets,
  type CredentialDirectory,
  type KeyRing,
  type LoopbackGrants,
  type Readiness,
} from '@switchhook/platform';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { ApiDocsController } from './api-docs.controller.js';
import { readSubscriptionsConfig, type SubscriptionsConfig } from './config.js';
import { postgresCredentialTable, type CredentialTable } from './credential-table.js';
import { CredentialsController, MANAGE_CREDENTIALS } from './credentials.controller.js';
import { manageCredentials } from './manage-credentials.js';
import { manageWebhooks } from './manage-webhooks.js';
import { MIGRATIONS, SCHEMA } from './migrations.js';
import { ensurePlatformCredential } from './platform-credential.js';
import { recordOf } from './relay-records.js';
import { RelayLifecycle } from './relay-lifecycle.js';
import { ResourcesController } from './resources.controller.js';
import { postgresWebhookTable, type WebhookTable } from './webhook-table.js';
import { MANAGE_WEBHOOKS, WebhooksController } from './webhooks.controller.js';

const MIGRATED = Symbol('MIGRATED');
const COMMANDS = Symbol('COMMANDS');
const RELAY = Symbol('RELAY');
const WEBHOOK_TABLE = Symbol('WEBHOOK_TABLE');
const CREDENTIAL_TABLE = Symbol('CREDENTIAL_TABLE');
const PLATFORM_CREDENTIAL = Symbol('PLATFORM_CREDENTIAL');

/** In the order of the flow: tables → event store → relay → what the API does. */
const providers = (config: SubscriptionsConfig): Provider[] => [
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
  {
    provide: MANAGE_WEBHOOKS,
    inject: [COMMANDS, WEBHOOK_TABLE, RELAY, KEY_RING, CLOCK, LOOPBACK_GRANTS],
    useFactory: (
      commands: CommandDeps,
      table: WebhookTable,
      relay: Relay,
      keyRing: KeyRing,
      now: () => number,
      loopbackGrants: LoopbackGrants,
    ) => {
      const { allowPrivate } = config;
      return manageWebhooks({ commands, table, relay, keyRing, now, randomBytes, allowPrivate, loopbackGrants });
    },
  },
  { provide: CREDENTIAL_TABLE, inject: [DATABASE, MIGRATED], useFactory: postgresCredentialTable },
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
      const credential = await ensurePlatformCredential({ commands, checkPassword, now, randomBytes }, config.admin);
      if (!credential) logger.warn('there is no platform credential; set SWITCHHOOK_ADMIN_USER and _PASSWORD');
      const isKnown = (): boolean => !credential || (directory.get(credential.id)?.version ?? 0) >= credential.version;
      readiness.add('platform credential', () => (isKnown() ? undefined : 'it is not on the event log yet'));
    },
  },
];

@Module({})
export class SubscriptionsModule {
  static register(env: NodeJS.ProcessEnv): DynamicModule {
    return {
      module: SubscriptionsModule,
      controllers: [ResourcesController, WebhooksController, CredentialsController, ApiDocsController],
      providers: providers(readSubscriptionsConfig(env)),
    };
  }
}
