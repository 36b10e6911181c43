import 'reflect-metadata';
import type { LightMyRequestResponse } from 'fastify';
import {
  ConsumerGroups,
  LoopbackGrants,
  Readiness,
  createAccountDirectory,
  createApp,
  createKeyRing,
  createLogger,
  createMetrics,
  createPasswordCheck,
  credentialSecrets,
  generateKeys,
  openCredentialDirectory,
  openWebhookDirectory,
  startConsumers,
  type Key,
  type Resources,
} from '@switchhook/platform';
import { openDatabase } from '@switchhook/event-store';
import { SubscriptionsModule } from '../subscriptions.module.js';
import type { MemoryLog } from './memory-log.js';

export const ADMIN = { username: 'operator', password: 'correct horse battery' } as const;

/** A request to the running service. `as` is `user:password`, the operator unless told; `account` acts for another one. */
export interface ApiRequest {
  readonly as?: string;
  readonly account?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** The service with all its routes and consumers on a real database. */
export interface RunningSubscriptions {
  readonly resources: Resources;
  call(method: Method, path: string, body?: unknown, request?: ApiRequest): Promise<LightMyRequestResponse>;
  /** Opens a port of 127.0.0.1; answers with `http://127.0.0.1:port`. */
  listen(): Promise<string>;
  stop(): Promise<void>;
}

export interface RunOptions {
  readonly url: string;
  readonly log: MemoryLog;
  readonly keys?: readonly Key[];
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: () => number;
}

export async function runSubscriptions(options: RunOptions): Promise<RunningSubscriptions> {
  const resources = await openTestResources(options);
  const env = {
    SWITCHHOOK_ADMIN_USER: ADMIN.username,
    SWITCHHOOK_ADMIN_PASSWORD: ADMIN.password,
    SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
    ...options.env,
  };
  const app = await createApp({ resources, modules: [SubscriptionsModule.register(env)] });
  const consumers = await startConsumers(app, resources);
  return {
    resources,
    call: (method, path, body, { as = `${ADMIN.username}:${ADMIN.password}`, account, headers } = {}) =>
      app.inject({
        method,
        url: path,
        headers: {
          authorization: `Basic ${Buffer.from(as).toString('base64')}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(account !== undefined && { 'switchhook-account': String(account) }),
          ...headers,
        },
        ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    listen: async () => {
      await app.listen(0, '127.0.0.1');
      return app.getUrl();
    },
    stop: async () => {
      await consumers.close();
      await app.close();
      await resources.database.destroy();
    },
  };
}

async function openTestResources({ url, log, keys, clock = Date.now }: RunOptions): Promise<Resources> {
  const keyRing = createKeyRing(keys ?? generateKeys());
  const logger = createLogger({ service: 'subscriptions', level: 'silent' });
  const metrics = createMetrics();
  const deps = { log, metrics, logger };
  const webhooks = await openWebhookDirectory(deps);
  const checkPassword = createPasswordCheck(credentialSecrets(keyRing));
  const credentials = await openCredentialDirectory({ ...deps, checkPassword, clock });
  return {
    ...deps,
    database: await openDatabase({ url, applicationName: 'subscriptions test' }),
    databaseUrl: url,
    keyRing,
    clock,
    webhooks,
    credentials,
    accounts: createAccountDirectory(webhooks, credentials),
    readiness: new Readiness(),
    consumerGroups: new ConsumerGroups(),
    loopbackGrants: new LoopbackGrants(),
  };
}
