import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createDatabase, type TestDatabase } from '@switchhook/testing';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const TOOL = join(import.meta.dirname, '../topics.mjs');

let database: TestDatabase;
let client: pg.Client;
beforeEach(async () => {
  database = await createDatabase();
  client = new pg.Client(database.url);
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await database.drop();
});

/** Runs the command on the embedded log of the spec's database. */
function topics(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, DATABASE_URL: database.url, KAFKA_BROKERS: '', TOPIC_PREFIX: 'switchhook.' };
  return spawnSync(process.execPath, [TOOL, ...args], { env, encoding: 'utf8' });
}

const positionsOf = async (group: string): Promise<number[]> => {
  const { rows } = await client.query<{ position: string }>(
    'SELECT position FROM log.offsets WHERE group_name = $1 ORDER BY partition',
    [group],
  );
  return rows.map(({ position }) => Number(position));
};

describe('npm run topics, on the embedded log', () => {
  it('sets what has come further than the end back to it: groups, and what services keep beside their rows', async () => {
    expect(topics('rewind', 'signing', 'events.v1', 'beginning').status).toBe(0);
    await client.query(`UPDATE log.offsets SET position = 4711 WHERE group_name = 'signing' AND partition = 2`);
    const { rows } = await client.query<{ id: string }>('SELECT id FROM log.identity');
    await client.query(`
      CREATE SCHEMA ingestion;
      CREATE TABLE ingestion.logs (id integer, identity text, topic text);
      CREATE TABLE ingestion.watermarks (log_id integer, partition integer, position bigint)`);
    await client.query('INSERT INTO ingestion.logs VALUES (1, $1, $2)', [`embedded:${rows[0]?.id}`, 'events.v1']);
    await client.query('INSERT INTO ingestion.watermarks VALUES (1, 0, 99)');
    const done = topics('accept-loss', 'switchhook.events.v1');
    expect(done.stdout).toContain('events.v1: 1 positions of groups and 1 in the database set back');
    expect(await positionsOf('signing')).toEqual([0, 0, 0, 0, 0, 0]);
    const watermarks = await client.query<{ position: string }>('SELECT position FROM ingestion.watermarks');
    expect(watermarks.rows).toEqual([{ position: '0' }]);
  });

  it('says what is wrong with a command, and ends with 1', () => {
    expect(topics('melt')).toMatchObject({ status: 1, stderr: expect.stringContaining('none of create, rewind') });
    expect(topics('rewind', 'signing', 'events.v1', 'soon')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('"soon" is neither'),
    });
    expect(topics('redrive')).toMatchObject({ status: 1, stderr: expect.stringContaining('usage:') });
  });
});
