import { channel } from 'node:diagnostics_channel';
import { setTimeout as pause } from 'node:timers/promises';
import { DataSource, type MigrationInterface } from 'typeorm';
import { openDatabase } from './database.js';
import { guardedPg } from './guarded-pg.js';
import { checkedSchema } from './schema-name.js';

/** Where chaos runs end the process (docs/adr/0035). */
const TO_MIGRATE = channel('switchhook.store.to-migrate');
const MIGRATED = channel('switchhook.store.migrated');

/** A migration class; its name ends in a 13-digit timestamp, by which TypeORM orders them. */
export type MigrationClass = new () => MigrationInterface;

export interface MigrateOptions {
  readonly url: string;
  /** The Postgres schema of the owner: made when missing; `<schema>.migrations` says what has run. */
  readonly schema: string;
  readonly migrations: readonly MigrationClass[];
}

/** First half of the advisory lock's key; the other half is the schema's hash. */
const LOCK_CLASS = 0x5717c8;
const POLL_MS = 50;

/**
 * Brings the tables of one owner up to date, once however many instances start together; the others wait.
 * Throws what a migration threw; what it did is rolled back then.
 */
export async function migrate({ url, schema, migrations }: MigrateOptions): Promise<void> {
  checkedSchema(schema);
  const gate = await openDatabase({ url, applicationName: `migrate ${schema}`, poolSize: 1 });
  try {
    // Polled: a session that waits inside pg_advisory_lock deadlocks with CREATE INDEX CONCURRENTLY.
    while (!(await tryLock(gate, schema))) await pause(POLL_MS);
    await gate.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    TO_MIGRATE.publish(schema);
    await runMigrations(url, schema, migrations);
    MIGRATED.publish(schema);
  } finally {
    // Ends the session, and the lock with it.
    await gate.destroy();
  }
}

async function tryLock(gate: DataSource, schema: string): Promise<boolean> {
  const [row] = await gate.query<{ locked: boolean }[]>('SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked', [
    LOCK_CLASS,
    schema,
  ]);
  return row?.locked === true;
}

async function runMigrations(url: string, schema: string, migrations: readonly MigrationClass[]): Promise<void> {
  const database = new DataSource({
    type: 'postgres',
    url,
    schema,
    applicationName: `migrate ${schema}`,
    driver: guardedPg,
    poolSize: 1,
    migrations: [...migrations],
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    logging: false,
  });
  await database.initialize();
  try {
    await database.runMigrations();
  } finally {
    await database.destroy();
  }
}
