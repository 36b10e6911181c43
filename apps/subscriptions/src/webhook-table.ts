import type { Webhook } from '@switchhook/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { SCHEMA } from './schema.js';

/** What `GET /v2/webhooks` may be narrowed to; resource and event in their exact spelling. */
export interface WebhookFilter {
  readonly name?: string;
  readonly resource?: string;
  readonly event?: string;
  readonly callback?: string;
  readonly enabled?: boolean;
  /** Only these, or with `isAmong` false all but these. */
  readonly ids?: { readonly isAmong: boolean; readonly ids: readonly number[] };
}

export interface PageRequest {
  readonly limit: number;
  readonly offset: number;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly totalCount: number;
}

/** The webhooks as they are now, of all accounts; deleted ones are not there. */
export interface WebhookTable {
  nextId(): Promise<number>;
  /** Writes the webhook, or takes it out when it is deleted, in the transaction that appends its events. */
  save(tx: EntityManager, webhook: Webhook): Promise<void>;
  count(tx: EntityManager, accountId: number): Promise<number>;
  get(accountId: number, webhookId: number): Promise<Webhook | null>;
  /** At most 100 whose time has come, the longest due first. */
  due(nowMs: number): Promise<readonly Pick<Webhook, 'id' | 'expiresAt'>[]>;
  /** In ascending order of id. */
  find(accountId: number, filter: WebhookFilter, page: PageRequest): Promise<Page<Webhook>>;
}

const table = `${SCHEMA}.webhooks`;

export function postgresWebhookTable(database: DataSource): WebhookTable {
  return {
    async nextId() {
      const [row] = await database.query<{ id: string }[]>(`SELECT nextval('${SCHEMA}.webhook_ids') AS id`);
      return Number(row?.id);
    },
    save: (tx, webhook) => (webhook.status === 'deleted' ? remove(tx, webhook.id) : upsert(tx, webhook)),
    async count(tx, accountId) {
      const [row] = await tx.query<{ n: number }[]>(`SELECT count(*)::int AS n FROM ${table} WHERE account_id = $1`, [
        accountId,
      ]);
      return row?.n ?? 0;
    },
    async get(accountId, webhookId) {
      const [row] = await database.query<{ state: Webhook }[]>(
        `SELECT state FROM ${table} WHERE id = $1 AND account_id = $2`,
        [webhookId, accountId],
      );
      return row?.state ?? null;
    },
    async due(nowMs) {
      const rows = await database.query<{ state: Webhook }[]>(
        `SELECT state FROM ${table} WHERE expires_at <= $1 ORDER BY expires_at LIMIT 100`,
        [nowMs],
      );
      return rows.map(({ state }) => state);
    },
    find: (accountId, filter, page) => find(database, accountId, filter, page),
  };
}

async function upsert(tx: EntityManager, webhook: Webhook): Promise<void> {
  const { id, accountId, name, resource, events, callback, status, singleUse, expiresAt } = webhook;
  await tx.query(
    `INSERT INTO ${table}
       (id, account_id, name, resource, events, callback, enabled, single_use, expires_at, state)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     ON CONFLICT (id) DO UPDATE SET (name, resource, events, callback, enabled, single_use, expires_at, state)
       = ROW (excluded.name, excluded.resource, excluded.events, excluded.callback, excluded.enabled,
              excluded.single_use, excluded.expires_at, excluded.state)`,
    [
      id,
      accountId,
      name ?? null,
      resource,
      events,
      callback,
      status === 'enabled',
      singleUse,
      // What is spent or has expired does not expire again.
      status === 'enabled' || status === 'disabled' ? (expiresAt ?? null) : null,
      JSON.stringify(webhook),
    ],
  );
}

const remove = async (tx: EntityManager, webhookId: number): Promise<void> => {
  await tx.query(`DELETE FROM ${table} WHERE id = $1`, [webhookId]);
};

async function find(
  database: DataSource,
  accountId: number,
  { name, resource, event, callback, enabled, ids }: WebhookFilter,
  { limit, offset }: PageRequest,
): Promise<Page<Webhook>> {
  const conditions = ['account_id = $1'];
  const values: unknown[] = [accountId];
  const narrow = (condition: (parameter: string) => string, value: unknown): void => {
    if (value !== undefined) conditions.push(condition(`$${values.push(value)}`));
  };
  narrow((parameter) => `name = ${parameter}`, name);
  narrow((parameter) => `resource = ${parameter}`, resource);
  narrow((parameter) => `${parameter} = ANY (events)`, event);
  narrow((parameter) => `callback = ${parameter}`, callback);
  narrow((parameter) => `enabled = ${parameter}`, enabled);
  narrow((parameter) => `(id = ANY (${parameter}::bigint[])) = ${ids?.isAmong}`, ids?.ids);
  // One statement, so that page and count come from the same moment.
  const [row] = await database.query<{ total: number; items: Webhook[] }[]>(
    `WITH matching AS (SELECT id, state FROM ${table} WHERE ${conditions.join(' AND ')}),
          page AS (SELECT * FROM matching ORDER BY id LIMIT $${values.push(limit)} OFFSET $${values.push(offset)})
     SELECT (SELECT count(*)::int FROM matching) AS total,
            (SELECT coalesce(json_agg(state ORDER BY id), '[]') FROM page) AS items`,
    values,
  );
  return { items: row?.items ?? [], totalCount: row?.total ?? 0 };
}
