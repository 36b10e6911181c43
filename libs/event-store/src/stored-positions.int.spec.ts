import { createDatabase, type TestDatabase } from '@switchhook/testing';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpointsMigration, moveCheckpoint } from './checkpoints.js';
import { openDatabase } from './database.js';
import { migrate } from './migrate.js';
import { readStoredPositions } from './stored-positions.js';

let test: TestDatabase;
let database: DataSource;
beforeAll(async () => {
  test = await createDatabase();
  for (const schema of ['audit', 'delivery']) {
    await migrate({ url: test.url, schema, migrations: [checkpointsMigration(schema)] });
  }
  database = await openDatabase({ url: test.url, applicationName: 'spec' });
});
afterAll(async () => {
  await database?.destroy();
  await test?.drop();
});

describe('stored positions', () => {
  it('are those of every owner for this log, and nothing of a stranger’s table with the same name', async () => {
    await database.query(`CREATE SCHEMA "Stranger's"`);
    await database.query(`CREATE TABLE "Stranger's".checkpoints (id integer, position text)`);
    const move = { consumer: 'c', topic: 'events.v1', partition: 2, from: null, to: 7 };
    await moveCheckpoint(database.manager, { ...move, schema: 'audit', identity: 'kafka:a' });
    await moveCheckpoint(database.manager, { ...move, schema: 'delivery', identity: 'kafka:a' });
    await moveCheckpoint(database.manager, { ...move, schema: 'delivery', identity: 'kafka:b' });
    const found = await readStoredPositions(database, 'kafka:a');
    expect(found.sort((a, b) => a.owner.localeCompare(b.owner))).toEqual([
      { owner: 'audit.checkpoints c', topic: 'events.v1', partition: 2, position: 7 },
      { owner: 'delivery.checkpoints c', topic: 'events.v1', partition: 2, position: 7 },
    ]);
  });
});
