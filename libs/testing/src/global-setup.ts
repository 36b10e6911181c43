import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startTestPostgres, type TestPostgres } from './test-postgres.js';
import { SERVERS_VARIABLE } from './test-servers.js';

/** A server that is started when the first spec asks for it, once for the whole run. */
interface Lazy<T> {
  get(): Promise<T>;
  started(): Promise<T> | undefined;
}

interface TestKafka {
  readonly brokers: string;
  stop(): Promise<void>;
}

/** What the Kafka tool (plain JavaScript, so that it runs before anything is built) gives us. */
interface BrokerTool {
  startBroker(options: {
    dir: string;
    port: number;
    shortLived: boolean;
    log: (line: string) => void;
  }): Promise<{ port: number; stop(): Promise<void> }>;
}

/**
 * vitest's global setup. The specs run in processes of their own, so they ask over HTTP, and the servers are started at
 * the first question: a run that needs no Kafka does not wait for one. Returns the teardown.
 */
export default async function setUp(): Promise<(() => Promise<void>) | undefined> {
  // Two vitest projects name this file; the first one serves both.
  if (process.env[SERVERS_VARIABLE]) return undefined;
  process.env[SERVERS_VARIABLE] = 'starting';
  const postgres = lazy(startTestPostgres);
  const kafka = lazy(startTestKafka);
  const server = createServer((request, response) => {
    if (request.url === '/postgres') answer(response, () => postgres.get().then(({ url }) => url));
    else if (request.url === '/kafka') answer(response, () => kafka.get().then(({ brokers }) => brokers));
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.env[SERVERS_VARIABLE] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return async () => {
    process.env[SERVERS_VARIABLE] = '';
    server.close();
    server.closeAllConnections();
    const running: readonly (Promise<TestPostgres | TestKafka> | undefined)[] = [postgres.started(), kafka.started()];
    await Promise.allSettled(running.map(async (starting) => (await starting)?.stop()));
  };
}

function lazy<T>(start: () => Promise<T>): Lazy<T> {
  let starting: Promise<T> | undefined;
  return { get: () => (starting ??= start()), started: () => starting };
}

function answer(response: ServerResponse, ask: () => Promise<string>): void {
  ask().then(
    (text) => response.writeHead(200).end(text),
    (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
  );
}

async function startTestKafka(): Promise<TestKafka> {
  const given = process.env['TEST_KAFKA_BROKERS'];
  if (given) return { brokers: given, stop: async () => {} };
  const tool = pathToFileURL(resolve(import.meta.dirname, '../../../tools/kafka/broker.mjs')).href;
  const { startBroker } = (await import(tool)) as BrokerTool;
  const dir = mkdtempSync(join(tmpdir(), 'switchhook-test-kafka-'));
  const broker = await startBroker({
    dir,
    port: 0,
    shortLived: true,
    log: (line) => process.stderr.write(`${line}\n`),
  });
  return {
    brokers: `127.0.0.1:${broker.port}`,
    async stop() {
      await broker.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
