import type { EventPage, EventsQuery, LoggedEvent } from '@switchhook/contracts';
import type { DataSource } from 'typeorm';
import { Parameters, cursorAfter, keysetPage, placeOf } from './keyset.js';

/** Whose events a search may show. */
export interface EventsScope {
  readonly accountId: number;
  /** Also refused events of which no account could be read: for the platform when it acts for no account in particular. */
  readonly withoutAccount: boolean;
}

interface EventRow extends Omit<LoggedEvent, 'accountId' | 'time' | 'acceptedAt'> {
  readonly accountId: string | null;
  readonly time: string | null;
  readonly acceptedAt: string;
  readonly sourceId: number;
  readonly position: string;
}

/**
 * Of `page`, rows of `audit.events`. A refused event has no deliveries, though its name may be that of an accepted one.
 * `(account_id, event_id)` is the index; the key tells the sources of one id apart.
 */
const FIELDS = `
  page.id, page.source, page.type, page.subject, page.account_id AS "accountId", page.time,
  page.accepted_at AS "acceptedAt", page.status, page.reason,
  CASE WHEN page.status = 'rejected' THEN '{}'::uuid[] ELSE ARRAY(
    SELECT d.id FROM audit.deliveries d
    WHERE d.account_id = page.account_id AND d.event_id = page.id AND d.event_key = page.event_key
    ORDER BY d.webhook_id) END AS "deliveryIds",
  page.source_id AS "sourceId", page.position`;

/** Not a repeat: of the events of one name that were not refused, only the first counts. */
const IS_FIRST = `(e.status = 'rejected' OR NOT EXISTS (
  SELECT 1 FROM audit.events first
  WHERE first.account_id = e.account_id AND first.id = e.id AND first.event_key = e.event_key AND first.status <> 'rejected'
    AND (first.accepted_at, first.source_id, first.position) < (e.accepted_at, e.source_id, e.position)))`;

const CURSOR = [/^\d{1,16}$/, /^\d{1,9}$/, /^\d{1,16}$/];

/** A page of events, newest first. Throws a 400 for a cursor that is not ours. */
export async function findEvents(database: DataSource, scope: EventsScope, query: EventsQuery): Promise<EventPage> {
  const { sql, values } = eventsSql(scope, query);
  const rows = await database.query<EventRow[]>(sql, values);
  const last = rows.length > query.limit ? rows[query.limit - 1] : undefined;
  return {
    items: rows.slice(0, query.limit).map(eventOf),
    nextCursor: last ? cursorAfter([Number(last.acceptedAt), last.sourceId, Number(last.position)]) : null,
  };
}

/** The statement behind `findEvents`; one row more than the limit says whether there is a next page. */
export function eventsSql(scope: EventsScope, query: EventsQuery): { sql: string; values: unknown[] } {
  const parameters = new Parameters();
  const given = (column: string, operator: string, value: unknown): string[] =>
    value === undefined ? [] : [`e.${column} ${operator} ${parameters.add(value)}`];
  const page = keysetPage({
    select: 'e.*',
    from: 'audit.events e',
    order: ['accepted_at', 'source_id', 'position'],
    conditions: [
      ...given('id', '=', query.eventId),
      ...given('source', '=', query.source),
      ...given('type', '=', query.type),
      ...given('subject', '=', query.subject),
      ...given('accepted_at', '>=', query.from),
      ...given('accepted_at', '<', query.to),
      ...(query.cursor === undefined ? [] : [before(query.cursor, parameters)]),
      IS_FIRST,
    ],
    alternatives: [
      [...given('account_id', '=', scope.accountId), ...(scope.withoutAccount ? ['e.account_id IS NULL'] : [])],
      (query.status ?? []).flatMap((status) => given('status', '=', status)),
    ],
    limit: query.limit + 1,
  });
  return {
    sql: `SELECT ${FIELDS} FROM ${page} AS page
          ORDER BY page.accepted_at DESC, page.source_id DESC, page.position DESC`,
    values: parameters.values,
  };
}

function before(cursor: string, parameters: Parameters): string {
  const [acceptedAt, sourceId, position] = placeOf(cursor, CURSOR).map((part) => parameters.add(part));
  return `(e.accepted_at, e.source_id, e.position) < (${acceptedAt}::bigint, ${sourceId}::integer, ${position}::bigint)`;
}

function eventOf({ sourceId: _sourceId, position: _position, ...row }: EventRow): LoggedEvent {
  return {
    ...row,
    accountId: row.accountId === null ? null : Number(row.accountId),
    time: row.time === null ? null : Number(row.time),
    acceptedAt: Number(row.acceptedAt),
  };
}
