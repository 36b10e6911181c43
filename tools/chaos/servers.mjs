// PostgreSQL and Kafka of a run, each behind a proxy that can stall, both made to be killed.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { StallingProxy } from './stalling-proxy.mjs';
import { startBroker } from '../kafka/broker.mjs';
import { root, say } from '../setup/project.mjs';

const BROKER_HEAP_MB = 384;

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * A PostgreSQL as the product embeds it, `fsync` on; it comes back by itself on the same port. `{ url (through the proxy),
 * directUrl, proxy, kill9(), stop() }`
 */
export async function startPostgres() {
  const dataDir = mkdtempSync(join(tmpdir(), 'switchhook-chaos-pg-'));
  chmodSync(dataDir, 0o755); // The user of PostgreSQL passes through.
  const built = join(root, 'libs/platform/dist/embedded-postgres/embedded-postgres.js');
  const { startEmbeddedPostgres } = await import(pathToFileURL(built).href);
  const logger = { info: () => {}, warn: () => {}, error: () => {} };
  const postgres = await startEmbeddedPostgres({ dataDir, pinned: true, logger });
  const killWithUs = () => process.kill(postgres.pid, 'SIGINT');
  process.on('exit', killWithUs);
  const url = new URL(postgres.url);
  const proxy = new StallingProxy(Number(url.port));
  url.port = String(await proxy.listen());
  return {
    ...{ url: url.href, directUrl: postgres.url, proxy },
    kill9: () => process.kill(postgres.pid, 'SIGKILL'),
    stop: async () => {
      process.off('exit', killWithUs);
      proxy.close();
      await postgres.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A broker of our own, which advertises its proxy. `{ brokers, proxy, kill9() (and starts it again), stop() }` */
export async function startKafka() {
  const dir = mkdtempSync(join(tmpdir(), 'switchhook-chaos-kafka-'));
  const port = await freePort();
  const proxy = new StallingProxy(port);
  const advertisedPort = await proxy.listen();
  const start = () => startBroker({ dir, port, advertisedPort, log: say, heapMb: BROKER_HEAP_MB });
  let broker = await start();
  return {
    ...{ brokers: `127.0.0.1:${advertisedPort}`, proxy, canBeKilled: true },
    kill9: async () => {
      await broker.kill9();
      broker = await start();
    },
    stop: async () => {
      proxy.close();
      await broker.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A broker that others use too: it is left alone. */
export const sharedKafka = (brokers) => ({ brokers, canBeKilled: false, stop: async () => {} });
