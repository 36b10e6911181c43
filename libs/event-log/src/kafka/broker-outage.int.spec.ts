import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaPossible } from '@switchhook/testing';
import { describe, expect, it } from 'vitest';
import { LogUnavailableError } from '../errors.js';
import type { EventLog, LogRecord } from '../event-log.js';
import {
  INPUT,
  OUTPUT,
  keyOf,
  numbered,
  sequenceOf,
  sequencesByKey,
  upTo,
  withoutRepeats,
} from '../testing/records.js';
import { silentLogger } from '../testing/silent-logger.js';
import { waitUntil } from '../testing/wait-until.js';
import { openKafkaLog } from './kafka-log.js';

interface RunningBroker {
  readonly port: number;
  stop(): Promise<void>;
  kill9(): Promise<void>;
}

interface BrokerTool {
  startBroker(options: {
    dir: string;
    port?: number;
    heapMb?: number;
    shortLived?: boolean;
    log: () => void;
  }): Promise<RunningBroker>;
}

const TOOL = new URL('../../../../tools/kafka/broker.mjs', import.meta.url).href;
const KEYS = upTo(12).map((number) => `key-${number}`);
const PUBLISH_TIMEOUT_MS = 1_500;

/** Publishes each number of each key until it is acknowledged; says what was refused meanwhile. */
async function publishStubbornly(log: EventLog, numbers: readonly number[]): Promise<Error[]> {
  const refusals: Error[] = [];
  for (const number of numbers) {
    const records = KEYS.map((key) => numbered(INPUT, key, number));
    for (let done = false; !done;) {
      done = await log.publish(records).then(
        () => true,
        (error: Error) => {
          refusals.push(error);
          return false;
        },
      );
    }
  }
  return refusals;
}

describe.skipIf(!(await kafkaPossible()))('a Kafka that dies and comes back', () => {
  it('is refused to publishers in time, and publishing, consuming and following go on by themselves', async () => {
    const { startBroker } = (await import(TOOL)) as BrokerTool;
    const dir = await mkdtemp(join(tmpdir(), 'switchhook-outage-'));
    let broker = await startBroker({ dir, heapMb: 256, shortLived: true, log: () => undefined });
    const { port } = broker;
    const log = openKafkaLog({
      brokers: [`127.0.0.1:${port}`],
      clientId: 'outage',
      topicPrefix: 'outage.',
      createTopics: true,
      publishTimeoutMs: PUBLISH_TIMEOUT_MS,
      logger: silentLogger,
    });
    try {
      await log.start();
      const followed: LogRecord[] = [];
      await log.follow(OUTPUT, (records) => void followed.push(...records));
      const derived = (): Map<string, number[]> => withoutRepeats(sequencesByKey(followed));
      const complete = (count: number): boolean => KEYS.every((key) => derived().get(key)?.length === count);
      await log.consume({
        group: 'deriver',
        topics: [INPUT],
        handle: async ({ records }) => records.map((one) => numbered(OUTPUT, keyOf(one), sequenceOf(one))),
      });
      expect(await publishStubbornly(log, upTo(10))).toEqual([]);
      await waitUntil(
        () => complete(10),
        () => 'the first records are derived',
      );

      await broker.kill9();
      const startedMs = Date.now();
      const publishing = publishStubbornly(log, upTo(20).slice(10));
      await waitUntil(
        () => !log.health().ok,
        () => 'unhealthy while the broker is away',
      );
      await expect(log.publish([numbered(INPUT, 'lost', 0)])).rejects.toThrow(LogUnavailableError);
      expect(Date.now() - startedMs).toBeLessThan(PUBLISH_TIMEOUT_MS * 3);

      broker = await startBroker({ dir, port, heapMb: 256, shortLived: true, log: () => undefined });
      const refusals = await publishing;
      expect(refusals.length).toBeGreaterThan(0);
      for (const refusal of refusals) expect(refusal).toBeInstanceOf(LogUnavailableError);
      await waitUntil(
        () => complete(20),
        () => `derived after the outage: ${JSON.stringify([...derived().values()].map((list) => list.length))}`,
        30_000,
      );
      for (const key of KEYS) expect(derived().get(key)).toEqual(upTo(20));
      await waitUntil(
        () => log.health().ok,
        () => `healthy again: ${log.health().reason}`,
      );
    } finally {
      await log.close();
      await broker.kill9();
      await rm(dir, { recursive: true, force: true });
    }
  }, 120_000);
});
