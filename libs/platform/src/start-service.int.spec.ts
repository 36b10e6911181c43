import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Inject, Module, Post, type DynamicModule } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Batch, EventLog, OutgoingRecord } from '@switchhook/event-log';
import {
  createDatabase,
  eventually,
  kafkaBrokers,
  kafkaPossible,
  uniqueTopicPrefix,
  type TestDatabase,
} from '@switchhook/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Closer } from './closer.js';
import { aWebhook, webhookRecord } from './fakes/samples.js';
import { readKeyFile, readOrMakeKeyFile, writeKeyFile } from './key-file.js';
import { ConfigError } from './load-config.js';
import { createLogger } from './logging.js';
import { startService, type RunningService } from './start-service.js';
import { EVENT_LOG } from './tokens.js';

let arrived: string[] = [];
let failures = 0;
let gate: Promise<void> = Promise.resolve();
let closedInOrder: string[] = [];

@Controller('poke')
class PokeController {
  constructor(@Inject(EVENT_LOG) private readonly log: EventLog) {}

  @Post()
  async poke(): Promise<void> {
    await this.log.publish([{ topic: 'events.v1', key: 'k', value: Buffer.from('one'), headers: {} }]);
  }
}

@Controller()
class EventsConsumer {
  @EventPattern({ topic: 'events.v1', group: 'ingestion' })
  async on(@Payload() batch: Batch): Promise<readonly OutgoingRecord[]> {
    await gate;
    if (failures-- > 0) throw new Error('not this time');
    return batch.records.map((record) => {
      arrived.push(`${record.topic} ${record.value?.toString()}`);
      return { topic: 'deliveries.requested.v1', key: '1', value: Buffer.from('two'), headers: {} };
    });
  }

  @EventPattern({ topic: 'deliveries.requested.v1', group: 'signing' })
  async next(@Payload() batch: Batch): Promise<void> {
    for (const record of batch.records) arrived.push(`${record.topic} ${record.value?.toString()}`);
  }
}

@Module({})
class EverythingModule {
  static register(env: NodeJS.ProcessEnv): DynamicModule {
    if (env['WRONG']) throw new ConfigError([{ variable: 'WRONG', words: 'must not be set' }]);
    return { module: EverythingModule, controllers: [PokeController, EventsConsumer] };
  }

  onModuleDestroy(): void {
    closedInOrder.push('module');
  }
}

let database: TestDatabase;
let folder: string;
let closer: Closer;
const lines: string[] = [];
const logger = createLogger({ service: 'test', level: 'info', stream: { write: (line) => void lines.push(line) } });

beforeAll(async () => {
  database = await createDatabase();
  folder = await mkdtemp(join(tmpdir(), 'switchhook-'));
  await readOrMakeKeyFile(join(folder, 'keys.json'));
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});
afterEach(async () => {
  await closer.closeAll();
  arrived = [];
  closedInOrder = [];
  gate = Promise.resolve();
});

function start(env: NodeJS.ProcessEnv = {}): Promise<RunningService> {
  closer = new Closer(logger);
  const options = { name: 'switchhook', modules: [EverythingModule], defaultPort: 0, prepare: async () => settings };
  const settings = { DATABASE_URL: database.url, SWITCHHOOK_KEYS: join(folder, 'keys.json'), ...env };
  return startService({ ...options, env: settings }, logger, closer);
}

const withKafka = await kafkaPossible();

describe('a service alone, on Kafka', () => {
  it.skipIf(!withKafka)('carries records from one consumer to the next, and stops', { timeout: 60_000 }, async () => {
    closer = new Closer(logger);
    const publicKeys = (await readKeyFile(join(folder, 'keys.json'))).map((key) => ({ ...key, private: undefined }));
    await writeKeyFile(join(folder, 'public.json'), publicKeys);
    const env = {
      PORT: '0',
      KAFKA_BROKERS: await kafkaBrokers(),
      TOPIC_PREFIX: uniqueTopicPrefix(),
      DATABASE_URL: database.url,
      SWITCHHOOK_KEYS: join(folder, 'public.json'),
      SWITCHHOOK_INTERNAL_TOKEN: 'a token of sixteen or more',
    };
    const options = { name: 'ingestion', modules: [EverythingModule], defaultPort: 0, env };
    const { resources, url } = await startService(options, logger, closer);
    await resources.log.publish([{ topic: 'events.v1', key: 'k', value: Buffer.from('one'), headers: {} }]);
    const both = ['events.v1 one', 'deliveries.requested.v1 two'];
    await eventually(() => expect(arrived).toEqual(both), { timeoutMs: 20_000 });
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    await closer.closeAll();
    await expect(fetch(url)).rejects.toThrow();
  });
});

describe('a service on the embedded log', () => {
  it('is ready when all is up, and carries records from one consumer to the next', async () => {
    const { url } = await start();
    await eventually(async () => expect((await fetch(`${url}/health/ready`)).status).toBe(200));
    expect((await fetch(`${url}/poke`, { method: 'POST' })).status).toBe(401);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('switchhook_consumer_lag{topic="events.v1"}');
  });

  it('gives a batch again after a failure, and appends what is returned once', async () => {
    const { resources } = await start();
    failures = 1;
    await resources.log.publish([{ topic: 'events.v1', key: 'k', value: Buffer.from('one'), headers: {} }]);
    await eventually(() => expect(arrived).toEqual(['events.v1 one', 'deliveries.requested.v1 two']));
  });

  it('keeps its directory over a restart', async () => {
    const { resources } = await start();
    await resources.log.publish([webhookRecord(aWebhook({ id: 77 }))]);
    await resources.webhooks.reachEnd();
    expect(resources.webhooks.has(77, 1)).toBe(true);
    await closer.closeAll();
    const again = await start();
    expect(again.resources.webhooks.has(77, 1)).toBe(true);
  });

  it('lets the batch in hand finish before its modules are closed', async () => {
    const { resources } = await start();
    let open = (): void => {};
    gate = new Promise((resolve) => (open = resolve));
    await resources.log.publish([{ topic: 'events.v1', key: 'k', value: Buffer.from('one'), headers: {} }]);
    const closed = closer.closeAll();
    setImmediate(open);
    await closed;
    expect(closedInOrder).toEqual(['module']);
  });

  it('lists all faults of all modules in one message', async () => {
    const error = await start({ PORT: 'x', WRONG: '1' }).catch((reason: unknown) => reason);
    expect((error as ConfigError).faults.map(({ variable }) => variable)).toEqual(['PORT', 'WRONG']);
    const second = await start({ WRONG: '1' }).catch((reason: unknown) => reason);
    expect((second as Error).message).toContain('WRONG: must not be set');
  });
});
