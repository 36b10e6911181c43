import { TOPICS, declarationOf } from '@switchhook/contracts';
import { createDatabase, type TestDatabase } from '@switchhook/testing';
import { Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventLog, LogRecord } from '../event-log.js';
import { keyOf, numbered, sequenceOf, upTo } from '../testing/records.js';
import { silentLogger } from '../testing/silent-logger.js';
import { waitUntil } from '../testing/wait-until.js';
import { openEmbeddedLog } from './embedded-log.js';
import { Partition } from './partition.js';
import { Retention } from './retention.js';

const TOPIC = TOPICS.webhooks.name;
const DAY_MS = 24 * 60 * 60 * 1_000;
const START_MS = Date.now();

let database: TestDatabase;
let pool: Pool;
let nowMs: number;
const open: EventLog[] = [];

beforeEach(async () => {
  nowMs = START_MS;
  database = await createDatabase();
  pool = new Pool({ connectionString: database.url, max: 1 });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((log) => log.close()));
  await pool.end();
  await database.drop();
});

async function openLog(): Promise<EventLog> {
  const options = { databaseUrl: database.url, logger: silentLogger, partitions: 1, now: () => nowMs };
  const log = openEmbeddedLog(options);
  open.push(log);
  await log.start();
  return log;
}

/** What the product does on its timer. */
async function clean(): Promise<void> {
  const { rows } = await pool.query<{ id: number }>('SELECT id FROM log.topics WHERE name = $1', [TOPIC]);
  const { id } = rows[0]!;
  const topic = { declaration: declarationOf(TOPIC), id, partitions: [new Partition(TOPIC, id, 0)] };
  await new Retention(
    pool,
    () => [topic],
    () => nowMs,
    silentLogger,
  ).run();
}

async function left(log: EventLog): Promise<string[]> {
  const records: LogRecord[] = [];
  const [end = 0] = await log.ends(TOPIC);
  for await (const batch of log.read(TOPIC, 0, { position: 0 }, end)) records.push(...batch);
  return records.map((record) => `${keyOf(record)}${sequenceOf(record)}`);
}

const publish = (log: EventLog, ...names: string[]) =>
  log.publish(names.map((name) => numbered(TOPIC, name.slice(0, 1), Number(name.slice(1)))));

describe('compaction of the embedded log', () => {
  it('keeps the newest record of each key whatever its age, and others until they were overwritten for the lag', async () => {
    const log = await openLog();
    await publish(log, 'a0', 'b0', 'a1', 'c0');
    nowMs += 6 * DAY_MS;
    await publish(log, 'a2', 'b1');
    nowMs += 2 * DAY_MS;
    await clean();
    // a0 was overwritten 8 days ago; a1 and b0 were 2 days ago, when they were 6 days old.
    expect(await left(log)).toEqual(['b0', 'a1', 'c0', 'a2', 'b1']);
    nowMs += 6 * DAY_MS;
    await clean();
    expect(await left(log)).toEqual(['c0', 'a2', 'b1']);
  });

  it('keeps what a group has not passed, and finds it once the group has', async () => {
    const log = await openLog();
    const places = await publish(log, 'a0', 'a1', 'a2', 'a3');
    const taken: LogRecord[] = [];
    const slow = await log.consume({
      group: 'slow',
      topics: [TOPIC],
      settle: 'record',
      handle: async (batch) => {
        taken.push(...batch.records);
        for (const record of batch.records) if (record.position < 2) batch.settle(record);
      },
    });
    await waitUntil(
      () => taken.length === 4,
      () => 'the group has all',
    );
    await slow.close();
    nowMs += 8 * DAY_MS;
    await clean();
    expect(await left(log)).toEqual(['a2', 'a3']);
    await pool.query('UPDATE log.offsets SET position = $1', [places[3]!.position + 1]);
    await clean();
    expect(await left(log)).toEqual(['a3']);
  });

  it('takes nothing from a follower that is behind but what is overwritten, and never forgets the end', async () => {
    const log = await openLog();
    await publish(log, ...upTo(50).flatMap((number) => [`a${number}`, `b${number}`]));
    await log.close();
    open.length = 0;
    nowMs += 8 * DAY_MS;
    await clean();

    const again = await openLog();
    expect(await again.ends(TOPIC)).toEqual([100]);
    const latest = new Map<string, number>();
    const gate = Promise.withResolvers<void>();
    let waits = false;
    const follower = await again.follow(TOPIC, async (records) => {
      waits = true;
      await gate.promise;
      for (const record of records) latest.set(keyOf(record), sequenceOf(record));
    });
    await waitUntil(
      () => waits,
      () => 'the follower is behind',
    );
    await publish(again, ...upTo(20).map((number) => `a${100 + number}`));
    nowMs += 8 * DAY_MS;
    await clean();
    gate.resolve();
    await follower.reachEnd();
    expect(latest).toEqual(
      new Map([
        ['a', 119],
        ['b', 49],
      ]),
    );
    await follower.close();
  });
});
