import { createDatabase, eventually, type TestDatabase } from '@switchhook/testing';
import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openDatabase } from './database.js';
import { openProcessRegister, type ProcessRegister } from './process-register.js';

const GROUP = 'switchhook.delivery';

let server: TestDatabase;
let databases: DataSource[];

beforeEach(async () => {
  server = await createDatabase();
  databases = [];
});

afterEach(async () => {
  for (const database of databases) if (database.isInitialized) await database.destroy();
  await server.drop();
});

/** A register as a process of its own has it, with its own connections. */
async function open(name: string): Promise<{ register: ProcessRegister; database: DataSource }> {
  const database = await openDatabase({ url: server.url, applicationName: name });
  databases.push(database);
  return { database, register: await openProcessRegister(database, server.url) };
}

it('names the members of a process that has ended, and nobody who is alive', async () => {
  const [ended, alive] = [await open('ended'), await open('alive')];
  await ended.register.remember(GROUP, 'left behind');
  await ended.register.remember('another group', 'not asked for');
  await alive.register.remember(GROUP, 'alive');
  expect(await (await open('first')).register.orphans(GROUP)).toEqual([]);

  await ended.database.destroy();
  const { register } = await open('successor');
  await eventually(async () => expect(await register.orphans(GROUP)).toEqual(['left behind']));
  await register.forget(GROUP, 'left behind');
  expect(await register.orphans(GROUP)).toEqual([]);
});

it('counts as alive again after its session was lost', async () => {
  const holder = await open('holder');
  await holder.register.remember(GROUP, 'alive');
  const { register, database } = await open('onlooker');
  await database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
     AND pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = 'holder')`,
  );
  await eventually(async () => expect(await register.orphans(GROUP)).toEqual(['alive']));
  await eventually(async () => expect(await register.orphans(GROUP)).toEqual([]));
  await holder.register.remember(GROUP, 'another');
  expect(await register.orphans(GROUP)).toEqual([]);
});
