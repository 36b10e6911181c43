import {
  HEADER,
  joinParts,
  type Attempt,
  type OutcomeName,
  type TelephonyEvent,
  type Webhook,
} from '@switchhook/contracts';
import { attemptHeaders, attributesHeader, type Disabling } from '@switchhook/domain';
import { migrate, openDatabase } from '@switchhook/event-store';
import { createDatabase, type TestDatabase } from '@switchhook/testing';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { postgresHealthStore, takeNotices, type HealthStore, type WebhookHealth } from './health-store.js';
import { MIGRATIONS } from './migrations.js';
import { outcomesOfWebhooks } from './outcome-of-webhook.js';
import { HealthProjection } from './webhook-health.js';

const DAY = 24 * 3_600_000;
const IDENTITY = 'embedded:test';
let server: TestDatabase;
let database: DataSource;
let nowMs = 0;
let webhook: Webhook;
/** Causes that have disabled the webhook, as its stream would know them. */
let causes: string[];

beforeAll(async () => {
  server = await createDatabase();
  await migrate({ url: server.url, schema: 'subscriptions', migrations: MIGRATIONS });
  database = await openDatabase({ url: server.url, applicationName: 'webhook health test' });
});
afterAll(async () => {
  await database.destroy();
  await server.drop();
});
beforeEach(async () => {
  await database.query('TRUNCATE subscriptions.webhook_health, subscriptions.notices, subscriptions.checkpoints');
  nowMs = 10 * DAY;
  causes = [];
  webhook = {
    id: 7,
    accountId: 3,
    version: 1,
    callVersion: 1,
    status: 'enabled',
    profile: 'standard',
    resource: 'OutboundCall',
    events: ['Finished'],
    callback: 'https://example.com/hook',
    nonStrictSsl: false,
    singleUse: false,
    createdAt: 0,
    updatedAt: 0,
  };
});

/** A new process: it knows what the database has. */
const start = (store: HealthStore = postgresHealthStore(database)): HealthProjection =>
  new HealthProjection({
    log: { identity: IDENTITY },
    store,
    directory: { get: () => webhook },
    disable: async (_webhookId: number, { cause }: Disabling) => {
      if (webhook.status === 'enabled') {
        webhook = { ...webhook, status: 'disabled' };
        causes.push(cause);
      }
      return causes.includes(cause);
    },
    now: () => nowMs,
  });

interface Told {
  readonly position: number;
  readonly name: OutcomeName;
  readonly at?: number;
  readonly statusCode?: number;
  readonly reason?: string;
  readonly eventType?: string;
  readonly target?: 'fallback';
  /** 0 … : how often it was put off before. */
  readonly deferrals?: number;
  readonly acceptedAt?: number;
}

function batch(...told: readonly Told[]) {
  const records = told.map(
    ({ position, name, at = nowMs, statusCode, reason, eventType = 'OutboundCall.Finished', ...more }) => {
      const attempt = { run: 0, number: 1, startedAt: at, durationMs: 1, url: 'https://example.com/hook', statusCode };
      const made = {
        ...attempt,
        target: more.target,
        error: null,
        responseBody: null,
        bodyHash: '',
        signingKeyIds: [],
        traceId: '',
      } as Attempt;
      const facts = { outcome: name, at, reason, ...(statusCode !== undefined && { attempt: made }) };
      const { value, lengths } = joinParts([Buffer.from(JSON.stringify(facts))]);
      const id = `00000000-0000-4000-8000-${String(position).padStart(12, '0')}`;
      const ids = { accountId: 3, eventKey: id, deliveryId: id, webhookId: 7, webhookVersion: 1 };
      const event = { accountId: 3, id: `call-${position}`, source: '/switch', type: eventType, time: '' };
      const headers = {
        ...attemptHeaders({ ...ids, run: 0, number: 1, deferrals: 0, acceptedAt: 1, origin: '0:1', ...more }),
        ...attributesHeader({ ...event, dataContentType: 'application/json', extensions: {}, data: Buffer.alloc(0) }),
        [HEADER.schema]: '1',
        [HEADER.outcome]: name,
        [HEADER.parts]: lengths,
      };
      return { topic: 'deliveries.outcomes.v1', partition: 2, position, appendedAtMs: at, key: null, value, headers };
    },
  );
  const end = (records.at(-1)?.position ?? 0) + 1;
  return { partition: 2, end, outcomes: outcomesOfWebhooks({ has: () => true }, records) };
}

const rows = () => database.query<{ state: object }[]>('SELECT state FROM subscriptions.webhook_health');
const position = async () => {
  const [row] = await database.query<{ position: string }[]>('SELECT position FROM subscriptions.checkpoints');
  return row && Number(row.position);
};
async function said(): Promise<TelephonyEvent[]> {
  const events: TelephonyEvent[] = [];
  await takeNotices(database, 100, async (taken) => void events.push(...taken));
  return events;
}
const dataOf = (event: TelephonyEvent | undefined): unknown => JSON.parse(event?.data.toString() ?? 'null');

describe('a webhook that fails', () => {
  it('for five days is disabled by a process that has seen only the last failure of them', async () => {
    await start().follow(batch({ position: 0, name: 'attempted', at: DAY }));
    await start().follow(batch({ position: 1, name: 'attempted', at: 6 * DAY - 1 }));
    expect(causes).toEqual([]);
    await start().follow(batch({ position: 2, name: 'exhausted', at: 6 * DAY, statusCode: 500, reason: 'tries' }));
    expect(causes).toEqual(['failing:00000000-0000-4000-8000-000000000000/0/1']);
    const events = await said();
    expect(events.map(({ type }) => type)).toEqual(['Webhook.Disabled', 'Webhook.Exhausted']);
    expect(dataOf(events[0])).toEqual({
      webhookId: 7,
      reason: 'failing',
      disabledAt: 6 * DAY,
      failingSince: DAY,
      deliveryId: '00000000-0000-4000-8000-000000000002',
      count: 1,
    });
  });

  it('and succeeds is healthy again: nothing is kept of it', async () => {
    const health = start();
    await health.follow(batch({ position: 0, name: 'attempted' }));
    expect(await rows()).toEqual([{ state: { failing: expect.objectContaining({ since: nowMs }) } }]);
    await health.follow(batch({ position: 1, name: 'succeeded' }));
    await health.keepUp();
    expect(await rows()).toEqual([]);
    await start().follow(batch({ position: 2, name: 'attempted', at: nowMs + 5 * DAY }));
    expect(causes).toEqual([]);
  });

  it('is known to have deliveries that wait, and since when, until they end; a process after it knows, too', async () => {
    const [old, young] = [{ acceptedAt: nowMs - 7_200_000 }, { acceptedAt: nowMs - 1 }];
    await start().follow(
      batch({ position: 0, name: 'deferred', ...young }, { position: 1, name: 'attempted', ...old }),
    );
    await start().follow(batch({ position: 2, name: 'attempted', deferrals: 1, ...young }));
    const waiting = async () => (await rows()).map(({ state }) => (state as WebhookHealth).waiting);
    expect(await waiting()).toEqual([
      [
        [238, 1, old.acceptedAt],
        [239, 1, young.acceptedAt],
      ],
    ]);
    const health = start();
    await health.follow(batch({ position: 3, name: 'succeeded', deferrals: 1, ...old }));
    expect(await waiting()).toEqual([[[239, 1, young.acceptedAt]]]);
    await health.keepUp();
    expect(await rows()).toHaveLength(1);
    await health.follow(batch({ position: 4, name: 'expired', deferrals: 2, reason: 'max-age', ...young }));
    expect(await waiting()).toEqual([undefined]);
  });

  it('is not kept once it is deleted', async () => {
    const health = start();
    await health.follow(batch({ position: 0, name: 'attempted' }));
    webhook = { ...webhook, status: 'deleted' };
    await health.keepUp();
    expect(await rows()).toEqual([]);
  });
});

it('a healthy webhook costs no write; how far we are is stored every few seconds', async () => {
  const health = start();
  await health.follow(batch({ position: 0, name: 'succeeded' }, { position: 4, name: 'succeeded' }));
  await health.keepUp();
  expect(await position()).toBeUndefined();
  nowMs += 5_000;
  await health.keepUp();
  expect(await position()).toBe(5);
  await health.follow(batch({ position: 5, name: 'deferred' }));
  await health.revoke(2);
  expect(await position()).toBe(6);
});

describe('a 410', () => {
  const gone = { name: 'exhausted', statusCode: 410, reason: 'status-410' } as const;

  it('disables once and is said once, although the process died between the command and its position', async () => {
    const store = postgresHealthStore(database);
    const dying: HealthStore = { ...store, apply: async () => Promise.reject(new Error('killed')) };
    await expect(start(dying).follow(batch({ position: 0, ...gone }))).rejects.toThrow('killed');
    expect(await said()).toEqual([]);
    await start().follow(batch({ position: 0, ...gone }));
    expect(causes).toEqual(['gone:00000000-0000-4000-8000-000000000000/0/1']);
    const events = await said();
    expect(events.map(({ id }) => id)).toEqual([
      'disabled:7:gone:00000000-0000-4000-8000-000000000000/0/1',
      'exhausted:7:00000000-0000-4000-8000-000000000000/0',
    ]);
    expect(dataOf(events[0])).toMatchObject({ reason: 'gone', disabledAt: nowMs, count: 1 });
  });

  it('of the fallback disables nothing: it is a failure like any other', async () => {
    await start().follow(batch({ position: 0, ...gone, target: 'fallback' }));
    expect(causes).toEqual([]);
    expect(await rows()).toMatchObject([{ state: { failing: { since: nowMs } } }]);
  });

  it('is not followed a second time when the group is rewound, however often the webhook was enabled since', async () => {
    await start().follow(batch({ position: 3, ...gone }));
    webhook = { ...webhook, status: 'enabled' };
    await start().follow(batch({ position: 2, ...gone }, { position: 3, ...gone }));
    expect(webhook.status).toBe('enabled');
    expect(await said()).toHaveLength(2);
  });

  it('of a call that was made meanwhile does not say it again', async () => {
    await start().follow(batch({ position: 0, ...gone }, { position: 1, ...gone }));
    expect(causes).toHaveLength(1);
    expect((await said()).filter(({ type }) => type === 'Webhook.Disabled')).toHaveLength(1);
  });

  it('within a minute of the last one is said when the minute is over', async () => {
    const health = start();
    await health.follow(batch({ position: 0, ...gone }));
    await said();
    webhook = { ...webhook, status: 'enabled' };
    await health.follow(batch({ position: 1, ...gone }));
    nowMs += 59_999;
    await health.keepUp();
    expect(await said()).toEqual([]);
    nowMs += 1;
    await health.keepUp();
    expect((await said()).map(({ type }) => type)).toEqual(['Webhook.Disabled', 'Webhook.Exhausted']);
  });
});

describe('deliveries that end without success', () => {
  const ended = (at: number, reason: string): Told => ({ position: at, name: 'exhausted', statusCode: 500, reason });

  it('are said once a minute, with how many there were, by whoever has the partition then', async () => {
    const health = start();
    await health.follow(batch(ended(0, 'tries')));
    expect(dataOf((await said())[0])).toMatchObject({ count: 1, reason: 'tries', eventId: 'call-0' });
    await health.follow(batch(ended(1, 'tries'), ended(2, 'tries')));
    await health.follow(batch({ position: 3, name: 'expired', reason: 'max-age' }));
    nowMs += 59_999;
    await health.keepUp();
    expect(await said()).toEqual([]);
    const another = start();
    nowMs += 1;
    await another.follow(batch({ position: 4, name: 'deferred' }));
    await another.keepUp();
    const events = await said();
    expect(events.map(({ id }) => id)).toEqual(['exhausted:7:00000000-0000-4000-8000-000000000001/0']);
    expect(dataOf(events[0])).toMatchObject({ count: 3, status: 'expired', reason: 'max-age', eventId: 'call-3' });
  });

  it('are not said where they were about webhooks themselves, nor is what follows', async () => {
    const gone = { name: 'exhausted', statusCode: 410, reason: 'status-410', eventType: 'Webhook.Exhausted' } as const;
    await start().follow(batch({ position: 0, ...gone }));
    expect(webhook.status).toBe('disabled');
    expect(await said()).toEqual([]);
  });

  it('and an outcome that cannot be read, change nothing more than they say', async () => {
    const unreadable = batch(ended(0, 'tries'));
    const broken = unreadable.outcomes.map((one) => ({ ...one, record: { ...one.record, value: Buffer.from('{') } }));
    await start().follow({ ...unreadable, outcomes: broken });
    expect(await rows()).toEqual([]);
  });
});

it('what another instance has followed meanwhile is read again', async () => {
  const health = start();
  await health.follow(batch({ position: 0, name: 'attempted' }));
  await start().follow(batch({ position: 1, name: 'succeeded' }, { position: 2, name: 'attempted', at: nowMs + DAY }));
  const late = batch({ position: 1, name: 'succeeded' });
  await expect(health.follow(late)).rejects.toThrow('followed by another instance');
  await health.follow(late);
  expect(await rows()).toEqual([{ state: { failing: expect.objectContaining({ since: nowMs + DAY }) } }]);
});

it('an event that the log did not take is handed over again, in the same order', async () => {
  await start().follow(batch({ position: 0, name: 'exhausted', statusCode: 410, reason: 'status-410' }));
  const ids: string[] = [];
  const away = takeNotices(database, 100, async (events) => {
    ids.push(...events.map(({ id }) => id));
    throw new Error('the log is away');
  });
  await expect(away).rejects.toThrow('the log is away');
  expect((await said()).map(({ id }) => id)).toEqual(ids);
  expect(await said()).toEqual([]);
});
