import { createDatabase } from '@switchhook/testing';
import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpointsMigration, moveCheckpoint, readCheckpoint } from './checkpoints.js';
import { openDatabase } from './database.js';
import { migrate } from './migrate.js';

let server: { url: string; drop(): Promise<void> };
let database: DataSource;

beforeAll(async () => {
  server = await createDatabase();
  database = await openDatabase({ url: server.url, applicationName: 'migrate test' });
});

afterAll(async () => {
  await database.destroy();
  await server.drop();
});

/** Would fail, or leave more than one row, if it ran twice. */
class Slow1700000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE five.runs (n serial)');
    await runner.query('SELECT pg_sleep(0.1)');
    await runner.query('INSERT INTO five.runs DEFAULT VALUES');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE five.runs');
  }
}

describe('migrate', () => {
  it('runs each migration once when five instances start together, and not again at the next start', async () => {
    const start = (): Promise<void> =>
      migrate({ url: server.url, schema: 'five', migrations: [checkpointsMigration('five'), Slow1700000000005] });
    await Promise.all([start(), start(), start(), start(), start()]);
    await start();
    expect(await database.query('SELECT count(*)::int AS runs FROM five.runs')).toEqual([{ runs: 1 }]);
    expect(await database.query('SELECT name FROM five.migrations ORDER BY id')).toEqual([
      { name: 'Checkpoints1700000000000' },
      { name: 'Slow1700000000005' },
    ]);
  });

  it('leaves nothing behind of a migration that failed, and says why', async () => {
    class Broken1700000000009 implements MigrationInterface {
      async up(runner: QueryRunner): Promise<void> {
        await runner.query('CREATE TABLE broken.half (n int)');
        await runner.query('SELECT no_such_column');
      }
      async down(): Promise<void> {}
    }
    const failed = migrate({ url: server.url, schema: 'broken', migrations: [Broken1700000000009] });
    await expect(failed).rejects.toThrow('no_such_column');
    expect(await database.query(`SELECT to_regclass('broken.half') AS found`)).toEqual([{ found: null }]);
  });

  it('refuses a schema name that is more than a name', async () => {
    const odd = migrate({ url: server.url, schema: 'a; DROP TABLE b', migrations: [] });
    await expect(odd).rejects.toThrow('cannot be the name of a Postgres schema');
  });
});

describe('checkpoints', () => {
  const key = { schema: 'marks', consumer: 'schedule', identity: 'log-1', topic: 'outcomes', partition: 3 };

  it('moves only from the position that is stored, for each log identity apart', async () => {
    await migrate({ url: server.url, schema: 'marks', migrations: [checkpointsMigration('marks')] });
    const { manager } = database;
    expect(await readCheckpoint(manager, key)).toBeNull();
    expect(await moveCheckpoint(manager, { ...key, from: 0, to: 5 })).toBe(false);
    expect(await moveCheckpoint(manager, { ...key, from: null, to: 5 })).toBe(true);
    expect(await moveCheckpoint(manager, { ...key, from: null, to: 6 })).toBe(false);
    expect(await moveCheckpoint(manager, { ...key, from: 4, to: 9 })).toBe(false);
    expect(await moveCheckpoint(manager, { ...key, from: 5, to: 9 })).toBe(true);
    expect(await readCheckpoint(manager, key)).toBe(9);
    expect(await readCheckpoint(manager, { ...key, identity: 'log-2' })).toBeNull();
    expect(await readCheckpoint(manager, { ...key, partition: 4 })).toBeNull();
  });

  it('lets one of two transactions that move from the same position through', async () => {
    const { manager } = database;
    const race = { ...key, topic: 'race' };
    await moveCheckpoint(manager, { ...race, from: null, to: 1 });
    const move = (): Promise<boolean> => database.transaction((tx) => moveCheckpoint(tx, { ...race, from: 1, to: 2 }));
    const moved = await Promise.all([move(), move(), move(), move()]);
    expect(moved.filter(Boolean)).toHaveLength(1);
  });
});
