import { attemptHeaders } from '@switchhook/domain';
import { migrate, openDatabase } from '@switchhook/event-store';
import { createDatabase, type TestDatabase } from '@switchhook/testing';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idsFixture } from './delivery.fixture.js';
import { DELIVERY_MIGRATIONS } from './migrations/all.js';
import { Schedule } from './schedule.js';
import type { ScheduleRow } from './schedule-row.js';

const ROWS = 300_000;
const PARTITION = 3;
const PARKED_WEBHOOK = 1;
const LATER_WEBHOOK = 2;
const ORDERED_WEBHOOK = 3;
const DUE_WEBHOOK = 4;
const NOW = 1_764_000_000_000;
/** Of 8 KiB: what a look into a few indexes costs; a walk over a quarter of the rows costs twice as many in the narrowest index. */
const BLOCKS_MAX = 150;

let database: TestDatabase;
let connection: DataSource;
let schedule: Schedule;
const blocks: number[] = [];

/** As `connection`, but notes how many blocks each statement touches. */
const noting = (): DataSource => {
  const query = async (text: string, values: unknown[]): Promise<unknown> => {
    const runner = connection.createQueryRunner();
    await runner.startTransaction();
    const [answer] = await runner.query(`explain (analyze, buffers, format json) ${text}`, values);
    await runner.rollbackTransaction();
    await runner.release();
    const { Plan: plan } = answer['QUERY PLAN'][0];
    blocks.push(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']);
    return connection.query(text, values);
  };
  return { query } as unknown as DataSource;
};

/** A quarter of them each: parked behind a gate, due in an hour, and half of them waiting in the order of 100,000 subjects. */
const FILL = `
  insert into delivery.schedule
    (delivery_id, run, number, deferrals, partition, webhook_id, due_at, position, headers, data, subject, sequence)
  select gen_random_uuid(), 0, 1, 1, ${PARTITION},
    case n % 4 when 0 then ${PARKED_WEBHOOK} when 1 then ${LATER_WEBHOOK} else ${ORDERED_WEBHOOK} end,
    case n % 4 when 1 then ${NOW + 3_600_000} + n end,
    n, $1, '\\x7b7d', case when n % 4 > 1 then 'call:' || n % 100000 end, case when n % 4 > 1 then n end
  from generate_series(1, ${ROWS}) as n`;

const row = (event: number, dueAt: number | null): ScheduleRow => {
  const ids = idsFixture(event, { webhookId: DUE_WEBHOOK, acceptedAt: NOW });
  return {
    ids,
    partition: PARTITION,
    dueAt,
    position: ROWS + event,
    headers: attemptHeaders(ids),
    data: Buffer.from('{}'),
  };
};
const at = { identity: 'log', topic: 'deliveries.outcomes.v1', partition: PARTITION };

beforeAll(async () => {
  database = await createDatabase();
  await migrate({ url: database.url, schema: 'delivery', migrations: DELIVERY_MIGRATIONS });
  connection = await openDatabase({ url: database.url, applicationName: 'spec' });
  await connection.query(FILL, [JSON.stringify(attemptHeaders(idsFixture(1)))]);
  await connection.query('vacuum analyze delivery.schedule');
  schedule = new Schedule(noting());
  await new Schedule(connection).apply(at, null, 1, []);
}, 120_000);
afterAll(async () => {
  await connection?.destroy();
  await database?.drop();
});

describe('the schedule with 300,000 rows that wait', () => {
  const touchedBy = async (run: () => Promise<unknown>): Promise<number> => {
    blocks.length = 0;
    await run();
    expect(blocks.length).toBeGreaterThan(0);
    return Math.max(...blocks);
  };

  it('stores what is due, finds it and removes it, and touches none of them', async () => {
    const due = [row(1, NOW), row(2, NOW - 1)];
    const put = due.map((each) => ({ kind: 'put' as const, row: each }));
    const remove = due.map(({ ids }) => ({ kind: 'remove' as const, ...ids }));
    const found = () => schedule.due({ partitions: [PARTITION, 0], now: NOW, released: [], limit: 500 });
    expect(await touchedBy(() => schedule.apply(at, 1, 2, put))).toBeLessThan(BLOCKS_MAX);
    expect(await touchedBy(async () => expect(await found()).toHaveLength(2))).toBeLessThan(BLOCKS_MAX);
    const earliest = () => schedule.earliest([PARTITION, 0], []);
    expect(await touchedBy(async () => expect(await earliest()).toBe(NOW - 1))).toBeLessThan(BLOCKS_MAX);
    expect(await touchedBy(() => schedule.park(due))).toBeLessThan(BLOCKS_MAX);
    expect(await touchedBy(() => schedule.apply(at, 2, 3, remove))).toBeLessThan(BLOCKS_MAX);
    expect(await found()).toHaveLength(0);
  });

  it('takes of very many that are due no more than it can request', async () => {
    const later = NOW + 2 * 3_600_000;
    const found = () => schedule.due({ partitions: [PARTITION], now: later, released: [], limit: 20 });
    expect(await touchedBy(async () => expect(await found()).toHaveLength(20))).toBeLessThan(BLOCKS_MAX);
  });

  it('finds the first that may go of those that wait for their webhook or their turn', async () => {
    const parked = () => schedule.parked(PARTITION, PARKED_WEBHOOK, [], 20);
    expect(await touchedBy(async () => expect(await parked()).toHaveLength(20))).toBeLessThan(BLOCKS_MAX);
    const first = () => schedule.firstOfSubjects(ORDERED_WEBHOOK, ['call:2', 'call:3', 'call:99999']);
    expect(await touchedBy(async () => expect((await first()).size).toBe(3))).toBeLessThan(BLOCKS_MAX);
    const withoutPlace = () => schedule.parkedWithoutPlace(PARTITION, ORDERED_WEBHOOK, [], 20);
    expect(await touchedBy(async () => expect(await withoutPlace()).toHaveLength(0))).toBeLessThan(BLOCKS_MAX);
    const webhooks = () => schedule.parkedWebhooks(PARTITION);
    const parkedOnes = [PARKED_WEBHOOK, ORDERED_WEBHOOK];
    expect(await touchedBy(async () => expect(await webhooks()).toEqual(parkedOnes))).toBeLessThan(BLOCKS_MAX);
  });
});
