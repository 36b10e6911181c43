// The product as a process, from the build, on empty data.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accounts } from './load/events.mjs';
import { deleteTopics, newDataDir, newPrefix, sharedBroker, startPostgres } from './servers.mjs';
import { root } from '../setup/project.mjs';

const MAIN = join(root, 'apps/switchhook/dist/main.js');
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 40_000;
const POLL_MS = 20;
const USER = 'bench';
const PASSWORD = 'as-quick-as-it-goes';
const AUTHORIZATION = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
const CONNECTIONS = 128;
const OURS = /^(SWITCHHOOK_|KAFKA_|TOPIC_PREFIX$|DATABASE_URL$|PORT$|HOST$|ROLE$|LOG_LEVEL$|NODE_ENV$|npm_)/;

/** Starts it on `engine`, with one webhook per account to `endpoints`. `target(by)` is what the load needs; see `subjects.mjs`. */
export async function startProduct({ engine, endpoints, nodeOptions = [] }) {
  const product = new Product(engine, nodeOptions);
  try {
    await product.open();
    await Promise.all(accounts.map((account, index) => product.createWebhook(account, endpoints[index])));
  } catch (error) {
    await product.stop();
    throw error;
  }
  return product;
}

class Product {
  name = 'product';
  #dataDir = newDataDir();
  #log = '';
  #child;

  constructor(engine, nodeOptions) {
    Object.assign(this, { engine, nodeOptions });
    this.killWithUs = () => this.#child?.kill('SIGTERM');
    process.on('exit', this.killWithUs);
  }

  async open() {
    this.port = await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    if (this.engine === 'kafka') {
      this.postgres = await startPostgres();
      this.broker = await sharedBroker();
      this.prefix = newPrefix();
    }
    await this.start();
  }

  /** Starts the process on the data that are there; resolves with the milliseconds until it was ready. */
  async start() {
    const startedAt = performance.now();
    const inherited = Object.entries(process.env).filter(([name]) => !OURS.test(name));
    const child = spawn(process.execPath, [...this.nodeOptions, MAIN], {
      cwd: this.#dataDir,
      env: { ...Object.fromEntries(inherited), ...this.#settings() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (this.#log = (this.#log + chunk).slice(-8_000)));
    while (!(await this.#isReady())) {
      const isOver = child.exitCode !== null || performance.now() - startedAt > READY_WITHIN_MS;
      if (isOver) throw new Error(`The product did not become ready:\n${this.#log}`);
      await sleep(POLL_MS);
    }
    return performance.now() - startedAt;
  }

  target(by) {
    if (by === 'kafka') return { brokers: this.broker.brokers, topic: `${this.prefix}events.v1` };
    return { url: this.url, authorization: AUTHORIZATION, connections: CONNECTIONS };
  }

  /** Processes by what they do, for `usageOf`. */
  roots() {
    const postgres = this.postgres?.pid ?? this.#embeddedPostgresPid();
    const roots = { services: { pid: this.#child.pid }, postgres: { pid: postgres, tree: true } };
    return this.broker ? { ...roots, broker: { pid: this.broker.pid } } : roots;
  }

  async createWebhook(account, callback) {
    const response = await fetch(`${this.url}/v2/webhooks`, {
      method: 'POST',
      headers: {
        authorization: AUTHORIZATION,
        'content-type': 'application/json',
        'switchhook-account': String(account),
      },
      body: JSON.stringify({ profile: 'standard', resource: 'OutboundCall', events: ['Finished'], callback }),
    });
    if (response.status !== 201) throw new Error(`webhook: ${response.status} ${await response.text()}`);
  }

  async kill9() {
    await this.#end('SIGKILL');
  }

  /** Ends it and takes away its data. */
  async stop() {
    process.off('exit', this.killWithUs);
    await this.#end('SIGTERM');
    const orphan = this.#embeddedPostgresPid();
    if (orphan > 1) process.kill(orphan, 'SIGINT');
    await this.postgres?.stop();
    if (this.prefix) await deleteTopics(this.broker.brokers, this.prefix).catch(console.error);
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  #settings() {
    return {
      PORT: String(this.port),
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

  async #isReady() {
    try {
      return (await fetch(`${this.url}/health/ready`, { signal: AbortSignal.timeout(2_000) })).status === 200;
    } catch {
      return false;
    }
  }

  async #end(signal) {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await exited;
    clearTimeout(timer);
  }

  #embeddedPostgresPid() {
    const file = join(this.#dataDir, 'postgres/postmaster.pid');
    return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : 0;
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
