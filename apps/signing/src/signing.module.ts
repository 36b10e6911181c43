import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { TOPICS } from '@switchhook/contracts';
import {
  CLOCK,
  CONSUMER_GROUPS,
  KEY_RING,
  LOGGER,
  METRICS,
  WEBHOOK_DIRECTORY,
  observeHop,
  open,
  type ConsumerGroups,
  type KeyRing,
  type Metrics,
  type WebhookDirectory,
} from '@switchhook/platform';
import type { Logger } from 'pino';
import { readSigningConfig, type SigningConfig } from './config.js';
import { BulkTurns } from './bulk-turns.js';
import { BULK_TURNS, RequestedConsumer, SIGN_REQUESTS } from './requested.consumer.js';
import { secretsUnreadable } from './secrets-unreadable.js';
import { sign, type SignDeps } from './sign.js';
import { signAhead } from './sign-ahead.js';
import { SigningKeys } from './signing-keys.js';

/** A batch of the bulk topic holds its turn up to its end. */
const BULK_RECORDS = 100;

const SIGNING_KEYS = Symbol('SIGNING_KEYS');
const SIGN_DEPS = Symbol('SIGN_DEPS');

/** In the order of the flow: sealed secret → key → signed call. */
const providers = (config: SigningConfig): Provider[] => [
  {
    provide: SIGNING_KEYS,
    inject: [KEY_RING, METRICS, LOGGER],
    useFactory: (keyRing: KeyRing, metrics: Metrics, logger: Logger) =>
      new SigningKeys(
        ({ id, accountId }, sealed) => open(keyRing, 'signing', { accountId, webhookId: id, field: 'secret' }, sealed),
        secretsUnreadable(metrics, logger),
        config.keysKeptMax,
      ),
  },
  {
    provide: SIGN_DEPS,
    inject: [WEBHOOK_DIRECTORY, SIGNING_KEYS, METRICS, CLOCK],
    useFactory: (webhooks: WebhookDirectory, keys: SigningKeys, metrics: Metrics, now: () => number): SignDeps => ({
      webhooks,
      keys,
      counters: {
        refused: (status) => metrics.deliveries.inc({ status }),
        done: (appendedAtMs) => observeHop(metrics, 'sign', appendedAtMs, now()),
      },
      now,
    }),
  },
  { provide: SIGN_REQUESTS, inject: [SIGN_DEPS], useFactory: sign },
  {
    provide: BULK_TURNS,
    inject: [CONSUMER_GROUPS, SIGN_DEPS],
    useFactory: (groups: ConsumerGroups, deps: SignDeps) => {
      const turns = new BulkTurns(() => groups.lagOf(TOPICS.requested.name));
      groups.configure('signing', { ahead: signAhead(deps, (count) => turns.normalDone(count)) });
      groups.configure('signing-bulk', { batchRecords: BULK_RECORDS });
      return turns;
    },
  },
];

@Module({})
export class SigningModule {
  static register(env: NodeJS.ProcessEnv): DynamicModule {
    return { module: SigningModule, controllers: [RequestedConsumer], providers: providers(readSigningConfig(env)) };
  }
}
