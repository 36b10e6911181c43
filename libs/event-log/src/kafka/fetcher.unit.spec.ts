import { setImmediate as nextTick } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { silentLogger } from '../testing/silent-logger.js';
import { waitUntil } from '../testing/wait-until.js';
import type { KafkaCluster } from './cluster.js';
import { Fetcher, type FetchPace, type FetchTarget } from './fetcher.js';
import { settingsOf } from './options.js';

const target = (partition: number): FetchTarget => ({
  ...{ topic: 'p.events.v1', partition, position: 7, wantsMore: true },
  take: () => undefined,
  outOfRange: () => undefined,
});

/** A fetcher of two partitions whose broker answers at once that there is nothing; the clock stands. */
function fetching(skips: (target: FetchTarget) => boolean) {
  const world = { now: 1_000_000, asked: 0 };
  const cluster = {
    leaders: async () => [0, 0],
    send: async () => ((world.asked += 1), []),
    close: async () => undefined,
  };
  const options = { brokers: [], clientId: 'spec', topicPrefix: 'p.', createTopics: false, logger: silentLogger };
  const settings = settingsOf({ ...options, now: () => world.now });
  const looks = { count: 0 };
  const pace = (): FetchPace => {
    looks.count += 1;
    return { minBytes: 0, maxBytes: 1, partitionBytes: 1, waitMs: 0, restMs: 1, restUnderBytes: 1, skips };
  };
  const events = { failed: (reason: string) => expect.unreachable(reason), fetched: () => undefined };
  const fetcher = new Fetcher(cluster as unknown as KafkaCluster, settings, pace, events);
  const more = async (): Promise<void> => {
    const { count } = looks;
    await waitUntil(
      () => looks.count > count + 3,
      () => `${looks.count - count} looks`,
    );
    await nextTick();
  };
  return { fetcher, world, more };
}

it('asks for nothing while all may be skipped, but for all of it when the broker has been silent for a second', async () => {
  const { fetcher, world, more } = fetching(() => true);
  fetcher.replace([target(0), target(1)]);
  await more();
  expect(world.asked, 'the first look').toBe(1);
  world.now += 999;
  await more();
  expect(world.asked).toBe(1);
  world.now += 1;
  await more();
  expect(world.asked).toBe(2);
  await fetcher.stop();
});

it('asks while anything may not be skipped', async () => {
  const { fetcher, world, more } = fetching(({ partition }) => partition === 0);
  fetcher.replace([target(0), target(1)]);
  await more();
  expect(world.asked).toBeGreaterThan(2);
  await fetcher.stop();
});
