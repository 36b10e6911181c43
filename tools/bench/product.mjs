// The product as one process, from the build, on empty data.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AUTHORIZATION, PASSWORD, USER, createWebhooks } from './api.mjs';
import { accounts } from './load/events.mjs';
import { deleteTopics, newDataDir, newPrefix, sharedBroker, startPostgres } from './servers.mjs';
import { ServiceProcess, freePort } from './service-process.mjs';

const CONNECTIONS = 128;

/**
 * Starts it on `engine`, with one webhook per account to `endpoints`; `settings` and `webhook` (the fields of each) on top of
 * what is usual. `target(by)` is what the load needs; see `subjects.mjs`.
 */
export async function startProduct({ engine, endpoints, nodeOptions, settings, webhook }) {
  const product = new Product(engine);
  try {
    await product.open({ nodeOptions, settings });
    const wanted = accounts.map((account, index) => [account, { callback: endpoints[index], ...webhook }]);
    await createWebhooks(product.url, wanted);
  } catch (error) {
    await product.stop();
    throw error;
  }
  return product;
}

class Product {
  name = 'product';
  #dataDir = newDataDir();
  #process;

  constructor(engine) {
    this.engine = engine;
  }

  get url() {
    return this.#process.url;
  }

  async open({ nodeOptions, settings }) {
    if (this.engine === 'kafka') {
      this.postgres = await startPostgres();
      this.broker = await sharedBroker();
      this.prefix = newPrefix();
    }
    this.#process = new ServiceProcess({
      app: 'switchhook',
      cwd: this.#dataDir,
      settings: { ...this.#settings(), PORT: String(await freePort()), ...settings },
      nodeOptions,
    });
    await this.start();
  }

  /** Starts the process on the data that are there; resolves with the milliseconds until it was ready. */
  async start() {
    return this.#process.start();
  }

  target(by) {
    if (by === 'kafka') return { brokers: this.broker.brokers, topic: `${this.prefix}events.v1` };
    return { url: this.url, authorization: AUTHORIZATION, connections: CONNECTIONS };
  }

  /** Processes by what they do, for `usageOf`. */
  roots() {
    const postgres = this.postgres?.pid ?? this.#embeddedPostgresPid();
    const roots = { services: { pid: this.#process.pid }, postgres: { pid: postgres, tree: true } };
    return this.broker ? { ...roots, broker: { pid: this.broker.pid } } : roots;
  }

  /** Of the database that it runs on now, the embedded one too. */
  databaseUrl() {
    if (this.postgres) return this.postgres.url;
    const password = readFileSync(join(this.#dataDir, 'postgres-password'), 'utf8').trim();
    // The fourth line is the port (PostgreSQL: miscadmin.h, LOCK_FILE_LINE_PORT).
    const port = readFileSync(this.#pidFile(), 'utf8').split('\n')[3];
    return `postgres://switchhook:${password}@127.0.0.1:${port}/switchhook`;
  }

  async kill9() {
    await this.#process.kill9();
  }

  /** Ends it and takes away its data. */
  async stop() {
    await this.#process?.stop();
    const orphan = this.#embeddedPostgresPid();
    if (orphan > 1) process.kill(orphan, 'SIGINT');
    await this.postgres?.stop();
    if (this.prefix) await deleteTopics(this.broker.brokers, this.prefix).catch(console.error);
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  #settings() {
    return {
      SWITCHHOOK_SAMPLE: 'off',
      SWITCHHOOK_DATA: this.#dataDir,
      SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
      SWITCHHOOK_ADMIN_USER: USER,
      SWITCHHOOK_ADMIN_PASSWORD: PASSWORD,
      ...(this.broker && {
        KAFKA_BROKERS: this.broker.brokers,
        TOPIC_PREFIX: this.prefix,
        DATABASE_URL: this.postgres.url,
      }),
    };
  }

  #embeddedPostgresPid() {
    return existsSync(this.#pidFile()) ? Number.parseInt(readFileSync(this.#pidFile(), 'utf8'), 10) : 0;
  }

  #pidFile() {
    return join(this.#dataDir, 'postgres/postmaster.pid');
  }
}
