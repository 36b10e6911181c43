import type {
  DeliveriesQuery,
  Delivery,
  DeliveryPage,
  DeliveryWithAttempts,
  LoggedAttempt,
} from '@switchhook/contracts';
import type { DataSource } from 'typeorm';
import type { WaitingDelivery } from './explained.js';
import { Parameters, cursorAfter, keysetPage, placeOf } from './keyset.js';

type Numbers = 'accountId' | 'webhookId' | 'createdAt' | 'nextAttemptAt' | 'finishedAt' | 'waitingSince';

interface DeliveryRow extends Omit<WaitingDelivery, Numbers> {
  readonly accountId: string;
  readonly webhookId: string;
  readonly createdAt: string;
  readonly nextAttemptAt: string | null;
  readonly finishedAt: string | null;
  readonly waitingSince: string | null;
}

/** Of `page`, rows of `audit.deliveries`. */
const FIELDS = `
  page.id, page.event_id AS "eventId", page.source, page.event_type AS "eventType", page.subject,
  page.account_id AS "accountId", page.webhook_id AS "webhookId", page.status,
  (SELECT count(*)::integer FROM audit.attempts a WHERE a.delivery_id = page.id) AS "attemptCount",
  page.created_at AS "createdAt", page.next_attempt_at AS "nextAttemptAt", page.finished_at AS "finishedAt", page.reason,
  page.waiting_since AS "waitingSince",
  CASE WHEN page.status = 'pending' THEN (
    SELECT json_build_object('number', a.number, 'statusCode', a.status_code, 'error', a.error)
      FROM audit.attempts a WHERE a.delivery_id = page.id ORDER BY a.run DESC, a.number DESC LIMIT 1) END AS "lastAttempt"`;

/** Adds why a delivery waits. */
export type Explain = (delivery: WaitingDelivery) => Delivery;

const CURSOR = [/^\d{1,16}$/, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/];

/** A page of the account's deliveries, newest first. Throws a 400 for a cursor that is not ours. */
export async function findDeliveries(
  database: DataSource,
  explain: Explain,
  accountId: number,
  query: DeliveriesQuery,
): Promise<DeliveryPage> {
  const { sql, values } = deliveriesSql(accountId, query);
  const rows = await database.query<DeliveryRow[]>(sql, values);
  const items = rows.slice(0, query.limit).map((row) => explain(deliveryOf(row)));
  const last = rows.length > query.limit ? items.at(-1) : undefined;
  return { items, nextCursor: last ? cursorAfter([last.createdAt, last.id]) : null };
}

/** The statement behind `findDeliveries`; one row more than the limit says whether there is a next page. */
export function deliveriesSql(accountId: number, query: DeliveriesQuery): { sql: string; values: unknown[] } {
  const parameters = new Parameters();
  const given = (column: string, operator: string, value: unknown): string[] =>
    value === undefined ? [] : [`d.${column} ${operator} ${parameters.add(value)}`];
  const page = keysetPage({
    select: 'd.*',
    from: 'audit.deliveries d',
    order: ['created_at', 'id'],
    conditions: [
      ...given('account_id', '=', accountId),
      ...given('webhook_id', '=', query.webhookId),
      ...given('event_id', '=', query.eventId),
      ...given('source', '=', query.source),
      ...given('event_type', '=', query.eventType),
      ...given('subject', '=', query.subject),
      ...given('created_at', '>=', query.from),
      ...given('created_at', '<', query.to),
      ...(query.cursor === undefined ? [] : [before(query.cursor, parameters)]),
    ],
    alternatives: [(query.status ?? []).flatMap((status) => given('status', '=', status))],
    limit: query.limit + 1,
  });
  return {
    sql: `SELECT ${FIELDS} FROM ${page} AS page ORDER BY page.created_at DESC, page.id DESC`,
    values: parameters.values,
  };
}

function before(cursor: string, parameters: Parameters): string {
  const [createdAt, id] = placeOf(cursor, CURSOR);
  return `(d.created_at, d.id) < (${parameters.add(createdAt)}::bigint, ${parameters.add(id)}::uuid)`;
}

/** One delivery of the account with all its attempts; undefined when the account has none of that id. */
export async function readDelivery(
  database: DataSource,
  explain: Explain,
  accountId: number,
  id: string,
): Promise<DeliveryWithAttempts | undefined> {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return undefined;
  const [row] = await database.query<DeliveryRow[]>(
    `SELECT ${FIELDS} FROM audit.deliveries page WHERE page.id = $1 AND page.account_id = $2`,
    [id, accountId],
  );
  return row && { ...explain(deliveryOf(row)), attempts: await attemptsOf(database, id) };
}

async function attemptsOf(database: DataSource, deliveryId: string): Promise<LoggedAttempt[]> {
  const rows = await database.query<(LoggedAttempt & { startedAt: string; statusCode: string | null })[]>(
    `SELECT run, number, started_at AS "startedAt", duration_ms AS "durationMs", url, coalesce(target, 'primary') AS target,
            status_code AS "statusCode", error, response_body AS "responseBody", signing_key_ids AS "signingKeyIds", trace_id AS "traceId"
     FROM audit.attempts WHERE delivery_id = $1 ORDER BY run, number`,
    [deliveryId],
  );
  return rows.map((row) => ({ ...row, startedAt: Number(row.startedAt), statusCode: numberOf(row.statusCode) }));
}

const deliveryOf = (row: DeliveryRow): WaitingDelivery => ({
  ...row,
  accountId: Number(row.accountId),
  webhookId: Number(row.webhookId),
  createdAt: Number(row.createdAt),
  nextAttemptAt: numberOf(row.nextAttemptAt),
  finishedAt: numberOf(row.finishedAt),
  waitingSince: numberOf(row.waitingSince),
});

const numberOf = (text: string | null): number | null => (text === null ? null : Number(text));
