import { createHash } from 'node:crypto';
import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import type { Actor } from '@switchhook/platform';
import { SCHEMA } from './schema.js';

/** A create that was answered 503 although it stands. */
export interface UnansweredCreate {
  readonly webhookId: number;
  /** Of its event in the store. */
  readonly position: number;
  /** Whether we made its secret, which then nobody has got. */
  readonly madeSecret: boolean;
}

/** Finds the create that a client sends again after a 503: the same body, from the same credential, within a minute. */
export interface RepeatedCreates {
  remember(actor: Actor, body: unknown, create: UnansweredCreate): Promise<void>;
  recall(actor: Actor, body: unknown): Promise<UnansweredCreate | null>;
}

const WITHIN_MS = 60_000;
const table = `${SCHEMA}.unanswered_creates`;

export function postgresRepeatedCreates(database: DataSource, now: () => number): RepeatedCreates {
  return {
    async remember({ credentialId, accountId }, body, { webhookId, position, madeSecret }) {
      await database.query(`DELETE FROM ${table} WHERE answered_at < $1`, [now() - WITHIN_MS]);
      await database.query(
        `INSERT INTO ${table} (credential_id, account_id, body_hash, webhook_id, position, made_secret, answered_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (credential_id, account_id, body_hash) DO UPDATE SET answered_at = excluded.answered_at`,
        [credentialId, accountId, hashOf(body), webhookId, position, madeSecret, now()],
      );
    },
    async recall({ credentialId, accountId }, body) {
      const [row] = await database.query<{ webhook_id: string; position: string; made_secret: boolean }[]>(
        `SELECT webhook_id, position, made_secret FROM ${table}
         WHERE credential_id = $1 AND account_id = $2 AND body_hash = $3 AND answered_at >= $4`,
        [credentialId, accountId, hashOf(body), now() - WITHIN_MS],
      );
      return row
        ? { webhookId: Number(row.webhook_id), position: Number(row.position), madeSecret: row.made_secret }
        : null;
    },
  };
}

const hashOf = (body: unknown): Buffer => createHash('sha256').update(JSON.stringify(body)).digest();

export class UnansweredCreates1700000000200 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ${table} (
        credential_id bigint NOT NULL,
        account_id bigint NOT NULL,
        body_hash bytea NOT NULL,
        webhook_id bigint NOT NULL,
        position bigint NOT NULL,
        made_secret boolean NOT NULL,
        answered_at bigint NOT NULL,
        PRIMARY KEY (credential_id, account_id, body_hash)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE ${table}`);
  }
}
