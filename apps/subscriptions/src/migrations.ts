import { checkpointsMigration, eventsMigration, type MigrationClass } from '@switchhook/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { WebhookHealth1700000000300 } from './health-store.js';
import { UnansweredCreates1700000000200 } from './repeated-creates.js';
import { SCHEMA } from './schema.js';

/** Ids, and the webhooks and credentials as the APIs list them: written in the transaction that appends their events. */
class ReadModels1700000000100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE SEQUENCE ${SCHEMA}.webhook_ids AS bigint`);
    // 1 is the platform's credential.
    await runner.query(`CREATE SEQUENCE ${SCHEMA}.credential_ids AS bigint START 2`);
    await runner.query(`
      CREATE TABLE ${SCHEMA}.webhooks (
        id bigint PRIMARY KEY,
        account_id bigint NOT NULL,
        name text,
        resource text NOT NULL,
        events text[] NOT NULL,
        callback text NOT NULL,
        enabled boolean NOT NULL,
        single_use boolean NOT NULL,
        expires_at bigint,
        state json NOT NULL
      )`);
    await runner.query(`CREATE INDEX ON ${SCHEMA}.webhooks (account_id, id)`);
    await runner.query(`CREATE INDEX ON ${SCHEMA}.webhooks (expires_at) WHERE expires_at IS NOT NULL`);
    await runner.query(`
      CREATE TABLE ${SCHEMA}.credentials (
        id bigint PRIMARY KEY,
        account_id bigint NOT NULL,
        state json NOT NULL
      )`);
    await runner.query(`CREATE INDEX ON ${SCHEMA}.credentials (account_id, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE ${SCHEMA}.webhooks, ${SCHEMA}.credentials`);
    await runner.query(`DROP SEQUENCE ${SCHEMA}.webhook_ids, ${SCHEMA}.credential_ids`);
  }
}

/** All migrations of this service, oldest first. */
export const MIGRATIONS: readonly MigrationClass[] = [
  checkpointsMigration(SCHEMA),
  eventsMigration(SCHEMA),
  ReadModels1700000000100,
  UnansweredCreates1700000000200,
  WebhookHealth1700000000300,
];
