// The product as separate services on Kafka, from the build, on empty data.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { PASSWORD, USER, createWebhooks } from './api.mjs';
import { SERVICES, keysForServices } from '../keys/services.mjs';
import { deleteTopics, newDataDir, newPrefix, sharedBroker, startPostgres } from './servers.mjs';
import { ServiceProcess, freePort } from './service-process.mjs';

/** Starts one process of each service, and `deliveries` of delivery. */
export async function startServices({ deliveries = 1 } = {}) {
  const services = new Services();
  try {
    await services.open(deliveries);
  } catch (error) {
    await services.stop();
    throw error;
  }
  return services;
}

class Services {
  /** The processes of delivery. */
  deliveries = [];
  #folder = newDataDir();
  #all = [];

  async open(deliveries) {
    this.postgres = await startPostgres();
    this.broker = await sharedBroker();
    this.prefix = newPrefix();
    keysForServices(this.#folder);
    const token = randomBytes(16).toString('hex');
    for (const app of SERVICES)
      for (let count = app === 'delivery' ? deliveries : 1; count > 0; count -= 1) await this.#add(app, token);
    this.deliveries = this.#all.filter(({ app }) => app === 'delivery');
    this.subscriptions = this.#all.find(({ app }) => app === 'subscriptions');
    // The first one makes the topics; the others need not wait for each other.
    const [first, ...others] = this.#all;
    await first.start();
    await Promise.all(others.map((one) => one.start()));
  }

  /** `wanted` is `[account, fields]` for each. */
  createWebhooks(wanted) {
    return createWebhooks(this.subscriptions.url, wanted);
  }

  target() {
    return { brokers: this.broker.brokers, topic: `${this.prefix}events.v1` };
  }

  async stop() {
    await Promise.all(this.#all.map((one) => one.stop()));
    await this.postgres?.stop();
    if (this.prefix) await deleteTopics(this.broker.brokers, this.prefix).catch(console.error);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #add(app, token) {
    const settings = {
      PORT: String(await freePort()),
      KAFKA_BROKERS: this.broker.brokers,
      TOPIC_PREFIX: this.prefix,
      DATABASE_URL: this.postgres.url,
      SWITCHHOOK_KEYS: join(this.#folder, app, 'keys.json'),
      SWITCHHOOK_INTERNAL_TOKEN: token,
      SWITCHHOOK_ADMIN_USER: USER,
      SWITCHHOOK_ADMIN_PASSWORD: PASSWORD,
      SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
    };
    this.#all.push(new ServiceProcess({ app, cwd: this.#folder, settings }));
  }
}
