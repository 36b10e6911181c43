import { channel } from 'node:diagnostics_channel';
import type { TelephonyEvent } from '@switchhook/contracts';
import type { Failing, NoticeState, WaitingAges } from '@switchhook/domain';
import { moveCheckpoint, readCheckpoint, type CheckpointKey } from '@switchhook/event-store';
import type { DataSource, EntityManager, MigrationInterface, QueryRunner } from 'typeorm';
import { SCHEMA } from './schema.js';

/** Where chaos runs end the process (docs/adr/0035). */
const HEALTH_TO_COMMIT = channel('switchhook.subscriptions.health-to-commit');
const NOTICES_PUBLISHED = channel('switchhook.subscriptions.notices-published');

/** What is remembered of a webhook that has had trouble, or of which deliveries wait. A healthy one has nothing. */
export interface WebhookHealth {
  readonly failing: Failing | null;
  /** Deliveries that wait, by age; absent: none ever did. */
  readonly waiting?: WaitingAges;
  readonly Disabled?: NoticeState<'Disabled'>;
  readonly Exhausted?: NoticeState<'Exhausted'>;
}

/** What one step of the projection leaves behind, all of it or nothing. */
export interface HealthChanges {
  /** Null: healthy again, and nothing to say. */
  readonly webhooks: ReadonlyMap<number, WebhookHealth | null>;
  /** Events to put on the log. */
  readonly events: readonly TelephonyEvent[];
}

/** One partition of `deliveries.outcomes`, on one identity of the log. */
export type HealthPlace = Pick<CheckpointKey, 'identity' | 'topic' | 'partition'>;

/** How webhooks fare, with the position up to which their outcomes have been followed. */
export interface HealthStore {
  load(place: HealthPlace): Promise<{ position: number | null; webhooks: Map<number, WebhookHealth> }>;
  /** False, and nothing is changed, when the stored position is not `from`: another instance was here. */
  apply(place: HealthPlace, from: number | null, to: number, changes: HealthChanges): Promise<boolean>;
}

const health = `${SCHEMA}.webhook_health`;
const notices = `${SCHEMA}.notices`;

export function postgresHealthStore(database: DataSource): HealthStore {
  const keyOf = (place: HealthPlace): CheckpointKey => ({ schema: SCHEMA, consumer: 'webhook-health', ...place });
  return {
    async load(place) {
      const position = await readCheckpoint(database.manager, keyOf(place));
      const rows = await database.query<{ webhook_id: string; state: WebhookHealth }[]>(
        `SELECT webhook_id, state FROM ${health} WHERE identity = $1 AND partition = $2`,
        [place.identity, place.partition],
      );
      return { position, webhooks: new Map(rows.map(({ webhook_id, state }) => [Number(webhook_id), state])) };
    },
    apply: (place, from, to, changes) =>
      database.transaction(async (tx) => {
        if (!(await moveCheckpoint(tx, { ...keyOf(place), from, to }))) return false;
        await writeWebhooks(tx, place, changes.webhooks);
        await writeNotices(tx, changes.events);
        HEALTH_TO_COMMIT.publish(undefined);
        return true;
      }),
  };
}

/**
 * What is remembered of the account's webhooks, of those alone that fail or are among `others`. What failed before the webhook was
 * last enabled says nothing.
 */
export async function healthOfFailing(
  database: DataSource,
  { identity, accountId, others }: { identity: string; accountId: number; others: readonly number[] },
): Promise<Map<number, WebhookHealth>> {
  const rows = await database.query<{ webhook_id: string; state: WebhookHealth; stale: boolean }[]>(
    `SELECT * FROM (
       SELECT h.webhook_id, h.state, h.state->>'failing' IS NOT NULL AS fails,
              (h.state->'failing'->>'since')::bigint < (w.state->>'enabledAt')::bigint IS TRUE AS stale
         FROM ${health} h JOIN ${SCHEMA}.webhooks w ON w.id = h.webhook_id
        WHERE h.identity = $1 AND w.account_id = $2) AS known
      WHERE (fails AND NOT stale) OR webhook_id = ANY ($3::bigint[])`,
    [identity, accountId, others],
  );
  return new Map(
    rows.map(({ webhook_id, state, stale }) => [Number(webhook_id), stale ? { ...state, failing: null } : state]),
  );
}

async function writeWebhooks(
  tx: EntityManager,
  { identity, partition }: HealthPlace,
  webhooks: HealthChanges['webhooks'],
): Promise<void> {
  const healthy = [...webhooks].filter(([, state]) => state === null).map(([webhookId]) => webhookId);
  const troubled = [...webhooks].filter(([, state]) => state !== null);
  if (healthy.length > 0) {
    await tx.query(`DELETE FROM ${health} WHERE identity = $1 AND webhook_id = ANY ($2::bigint[])`, [
      identity,
      healthy,
    ]);
  }
  if (troubled.length === 0) return;
  await tx.query(
    `INSERT INTO ${health} (identity, partition, webhook_id, state)
     SELECT $1, $2, w.id, w.state::json FROM unnest($3::bigint[], $4::text[]) AS w(id, state)
     ON CONFLICT (identity, webhook_id) DO UPDATE SET state = excluded.state`,
    [identity, partition, troubled.map(([id]) => id), troubled.map(([, state]) => JSON.stringify(state))],
  );
}

async function writeNotices(tx: EntityManager, events: readonly TelephonyEvent[]): Promise<void> {
  for (const event of events) {
    const { data, ...attributes } = event;
    await tx.query(`INSERT INTO ${notices} (attributes, data) VALUES ($1, $2)`, [JSON.stringify(attributes), data]);
  }
}

/**
 * Takes up to `limit` events that wait for the log and hands them to `publish`; answers with how many there were. They are
 * forgotten when it has resolved: after a crash in between they are handed over again, under the same names.
 */
export const takeNotices = (
  database: DataSource,
  limit: number,
  publish: (events: readonly TelephonyEvent[]) => Promise<void>,
): Promise<number> =>
  database.transaction(async (tx) => {
    const rows = await tx.query<{ attributes: Omit<TelephonyEvent, 'data'>; data: Buffer }[]>(
      `WITH taken AS (
         DELETE FROM ${notices} WHERE position IN (
           SELECT position FROM ${notices} ORDER BY position LIMIT $1 FOR UPDATE SKIP LOCKED)
         RETURNING position, attributes, data)
       SELECT attributes, data FROM taken ORDER BY position`,
      [limit],
    );
    if (rows.length > 0) {
      await publish(rows.map(({ attributes, data }) => ({ ...attributes, data })));
      NOTICES_PUBLISHED.publish(undefined);
    }
    return rows.length;
  });

export class WebhookHealth1700000000300 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ${health} (
        identity text NOT NULL,
        partition integer NOT NULL,
        webhook_id bigint NOT NULL,
        state json NOT NULL,
        PRIMARY KEY (identity, webhook_id)
      )`);
    await runner.query(`
      CREATE TABLE ${notices} (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        attributes json NOT NULL,
        data bytea NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE ${health}, ${notices}`);
  }
}
