import type { EventLog } from '@switchhook/event-log';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import type { AccountDirectory } from './account-directory.js';
import type { ConsumerGroups } from './consumer-groups.js';
import type { CredentialDirectory } from './credential-directory.js';
import type { KeyRing } from './keys.js';
import type { LoopbackGrants } from './loopback-grants.js';
import type { Metrics } from './metrics.js';
import type { Readiness } from './readiness.js';
import type { WebhookDirectory } from './webhook-directory.js';

/** What the services of one process share. `runService` opens them; a spec may hand in its own. */
export interface Resources {
  readonly log: EventLog;
  readonly database: DataSource;
  readonly databaseUrl: string;
  readonly keyRing: KeyRing;
  readonly metrics: Metrics;
  readonly clock: () => number;
  readonly webhooks: WebhookDirectory;
  readonly credentials: CredentialDirectory;
  readonly accounts: AccountDirectory;
  readonly logger: Logger;
  readonly readiness: Readiness;
  readonly consumerGroups: ConsumerGroups;
  readonly loopbackGrants: LoopbackGrants;
}
