import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { HoldError, type Batch, type BatchHandler, type OutgoingRecord } from '@switchhook/event-log';
import { afterEach, describe, expect, it } from 'vitest';
import { startConsumers } from './consume.js';
import { createApp } from './create-app.js';
import { fakeResources, type FakeResources } from './fakes/fake-resources.js';

const written: OutgoingRecord[] = [{ topic: 'b', key: null, value: null, headers: {} }];
class OwnError extends Error {}
let failure: unknown;

@Controller()
class FirstConsumer {
  @EventPattern({ topic: 'events.v1', group: 'one' })
  async on(@Payload() batch: Batch): Promise<readonly OutgoingRecord[] | void> {
    if (failure !== undefined) throw failure;
    return batch.records.length === 0 ? undefined : written;
  }

  @EventPattern({ topic: 'webhooks.v1', group: 'one' })
  async other(): Promise<void> {}
}

@Controller()
class SecondConsumer {
  @EventPattern({ topic: 'events.v1', group: 'two' })
  async on(): Promise<void> {}
}

@Controller()
class RivalConsumer {
  @EventPattern({ topic: 'events.v1', group: 'two' })
  async on(): Promise<void> {}
}

@Module({})
class ConsumersModule {}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  failure = undefined;
  for (const close of closing.splice(0)) await close();
});

async function start(resources: FakeResources, controllers = [FirstConsumer, SecondConsumer]) {
  const app = await createApp({ resources, modules: [{ module: ConsumersModule, controllers }] });
  closing.push(() => app.close());
  return startConsumers(app, resources);
}

const batchOf = (topic: string, records: number): Batch => ({
  topic,
  partition: 0,
  records: Array.from({ length: records }, (_, position) => ({
    ...{ topic, partition: 0, position, appendedAtMs: 0, key: null, value: null, headers: {} },
  })),
  signal: new AbortController().signal,
  settle: () => {},
});

async function handlerOf(group: string): Promise<BatchHandler> {
  const resources = await fakeResources();
  await start(resources);
  const options = resources.log.groups.get(group);
  if (!options) throw new Error(`${group} was not joined`);
  return options.handle;
}

describe('event log strategy', () => {
  it('joins each group once, with its topics and the options that were configured', async () => {
    const resources = await fakeResources();
    resources.consumerGroups.configure('two', { settle: 'record', batchRecords: 9 });
    await start(resources);
    expect([...resources.log.groups.keys()]).toEqual(['one', 'two']);
    expect(resources.log.groups.get('one')).toMatchObject({ topics: ['events.v1', 'webhooks.v1'] });
    expect(resources.log.groups.get('two')).toMatchObject({ topics: ['events.v1'], settle: 'record', batchRecords: 9 });
  });

  it('gives the log what the method returns, the very same records', async () => {
    const handle = await handlerOf('one');
    expect(await handle(batchOf('events.v1', 1))).toBe(written);
    expect(await handle(batchOf('events.v1', 0))).toBeUndefined();
    expect(await handle(batchOf('webhooks.v1', 1))).toBeUndefined();
  });

  it.each([new HoldError('not yet'), new OwnError('broken'), new Error('plain'), 'a string'])(
    'rejects with what the method threw, unchanged: %s',
    async (thrown) => {
      const handle = await handlerOf('one');
      failure = thrown;
      const caught: unknown = await handle(batchOf('events.v1', 1)).catch((error: unknown) => error);
      expect(caught).toBe(thrown);
    },
  );

  it('refuses two takers of one topic in one group', async () => {
    const controllers = [SecondConsumer, RivalConsumer];
    await expect(start(await fakeResources(), controllers)).rejects.toThrow(
      /Two consumers read events.v1 as group two/,
    );
  });

  it('refuses options for a group that nobody reads, and options that come too late', async () => {
    const resources = await fakeResources();
    resources.consumerGroups.configure('tow', {});
    await expect(start(resources)).rejects.toThrow('No consumer reads as group tow');
    expect(() => resources.consumerGroups.configure('one', {})).toThrow(/after consuming has started/);
  });

  it('is not ready, and says of which group, once a record is older than half of the retention', async () => {
    const resources = await fakeResources(() => 4 * 24 * 3_600_000);
    const consuming = await start(resources);
    expect(resources.readiness.report().checks['lag']).toEqual({ ok: true });
    resources.log.oldestMsByTopic = { 'events.v1': 0, 'webhooks.v1': undefined };
    const reason = 'group one has not finished a record of events.v1 that is 96 hours old';
    expect(resources.readiness.report().checks['lag']).toEqual({ ok: false, reason });
    const metrics = await resources.metrics.scrape();
    expect(metrics).toContain('switchhook_consumer_lag_seconds{group="two",topic="events.v1"} 345600');
    expect(metrics).toContain('switchhook_consumer_lag_seconds{group="one",topic="webhooks.v1"} 0');
    await consuming.close();
  });

  it('reports the lag of each topic at a scrape, and closes every consumer', async () => {
    const resources = await fakeResources();
    const consuming = await start(resources);
    resources.log.lagByTopic = { 'events.v1': 42 };
    expect(await resources.metrics.scrape()).toContain('switchhook_consumer_lag{topic="events.v1"} 42');
    await consuming.close();
    expect(resources.log.closed).toEqual(['one', 'two']);
  });
});
