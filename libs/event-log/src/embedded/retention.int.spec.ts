import { declarationOf } from '@switchhook/contracts';
import { createDatabase } from '@switchhook/testing';
import { Pool } from 'pg';
import { expect, it } from 'vitest';
import type { EventLog, LogRecord } from '../event-log.js';
import { INPUT, numbered, sequenceOf, upTo } from '../testing/records.js';
import { silentLogger } from '../testing/silent-logger.js';
import { waitUntil } from '../testing/wait-until.js';
import { openEmbeddedLog } from './embedded-log.js';
import { Partition } from './partition.js';
import { Retention } from './retention.js';

const EIGHT_DAYS_MS = 8 * 24 * 60 * 60 * 1_000;
const COUNT = 20;
const PASSED = 5;

async function open(databaseUrl: string, now: () => number): Promise<EventLog> {
  const log = openEmbeddedLog({ databaseUrl, logger: silentLogger, now });
  await log.start();
  return log;
}

/** Appends COUNT old records of which a group has passed the first PASSED; answers their partition. */
async function fill(databaseUrl: string): Promise<number> {
  const log = await open(databaseUrl, () => Date.now() - EIGHT_DAYS_MS);
  const [place] = await log.publish(upTo(COUNT).map((number) => numbered(INPUT, 'one key', number)));
  let taken = 0;
  await log.consume({
    group: 'slow',
    topics: [INPUT],
    settle: 'record',
    handle: async (batch) => {
      taken += batch.records.length;
      for (const record of batch.records) if (record.position < PASSED) batch.settle(record);
    },
  });
  await waitUntil(
    () => taken === COUNT,
    () => 'the group took all',
  );
  await log.close();
  return place!.partition;
}

async function left(databaseUrl: string): Promise<{ numbers: number[]; ends: number[] }> {
  const log = await open(databaseUrl, Date.now);
  const records: LogRecord[] = [];
  const follower = await log.follow(INPUT, (batch) => void records.push(...batch));
  await follower.caughtUp;
  const ends = await log.ends(INPUT);
  await log.close();
  return { numbers: records.map(sequenceOf), ends };
}

it('deletes what is older than the retention, but nothing that a group has not passed, and never forgets the end', async () => {
  const database = await createDatabase();
  const pool = new Pool({ connectionString: database.url, max: 1 });
  const number = await fill(database.url);
  const { rows } = await pool.query<{ id: number }>('SELECT id FROM log.topics WHERE name = $1', [INPUT]);
  const id = rows[0]!.id;
  const topic = { declaration: declarationOf(INPUT), id, partitions: [new Partition(INPUT, id, number)] };
  const retention = new Retention(pool, () => [topic], Date.now, silentLogger);

  await retention.run();
  expect((await left(database.url)).numbers).toEqual(upTo(COUNT).slice(PASSED));
  expect(topic.partitions[0]!.earliest).toBe(PASSED);

  await pool.query('UPDATE log.offsets SET position = $1', [COUNT]);
  await retention.run();
  const { numbers, ends } = await left(database.url);
  expect(numbers).toEqual([COUNT - 1]);
  expect(ends[number]).toBe(COUNT);
  await retention.stop();
  await pool.end();
  await database.drop();
});
