import { HEADER, TOPICS } from '@switchhook/contracts';
import type { SourceIds } from './archive-tables.js';
import {
  archivedAttributes,
  archivedHeaderText,
  storableText,
  type ArchivedRecord,
  type EventFacts,
  type RejectedFacts,
} from './archived-record.js';
import { factsOf } from './event-attributes.js';
import { insertion, type Column, type Insertion } from './insertion.js';

/**
 * One row per place on `events.v1` that holds an event, readable or refused. A repeat of an event stands at another place:
 * it has a row of its own, which searches leave out, so that whatever comes later about either cannot touch the other's.
 */
export const eventsTable = (schema: string): readonly string[] => [
  `CREATE TABLE ${schema}.events (
     source_id integer NOT NULL,
     position bigint NOT NULL,
     event_key uuid,
     account_id bigint,
     id text,
     source text,
     type text,
     subject text,
     time bigint,
     accepted_at bigint NOT NULL,
     status text NOT NULL,
     reason text,
     PRIMARY KEY (source_id, position))`,
  `CREATE INDEX events_newest ON ${schema}.events (account_id, accepted_at, source_id, position)`,
  `CREATE INDEX events_without_account ON ${schema}.events (accepted_at, source_id, position) WHERE account_id IS NULL`,
  `CREATE INDEX events_id ON ${schema}.events (account_id, id)`,
  `CREATE INDEX events_type ON ${schema}.events (account_id, type, accepted_at, source_id, position)`,
  `CREATE INDEX events_subject ON ${schema}.events (account_id, subject, accepted_at, source_id, position)
     WHERE subject IS NOT NULL`,
  `CREATE INDEX events_status ON ${schema}.events (account_id, status, accepted_at, source_id, position)
     WHERE status <> 'accepted'`,
];

interface EventRow extends EventFacts {
  readonly sourceId: number;
  readonly position: number;
  readonly eventKey: string | null;
  readonly accountId: number | null;
  readonly acceptedAt: number;
  readonly status: 'accepted' | 'unmatched' | 'rejected';
  readonly reason: string | null;
}

const COLUMNS: readonly Column<EventRow>[] = [
  { name: 'source_id', type: 'integer', of: (row) => row.sourceId },
  { name: 'position', type: 'bigint', of: (row) => row.position },
  { name: 'event_key', type: 'uuid', of: (row) => row.eventKey },
  { name: 'account_id', type: 'bigint', of: (row) => row.accountId },
  { name: 'id', type: 'text', of: (row) => storableText(row.id) },
  { name: 'source', type: 'text', of: (row) => storableText(row.source) },
  { name: 'type', type: 'text', of: (row) => storableText(row.type) },
  { name: 'subject', type: 'text', of: (row) => storableText(row.subject) },
  { name: 'time', type: 'bigint', of: (row) => row.time },
  { name: 'accepted_at', type: 'bigint', of: (row) => row.acceptedAt },
  { name: 'status', type: 'text', of: (row) => row.status },
  { name: 'reason', type: 'text', of: (row) => storableText(row.reason) },
];

/** What was read first fills what is missing; the earliest time counts; `rejected` over `unmatched` over `accepted`. */
const MERGE = `
  event_key = coalesce(e.event_key, excluded.event_key),
  account_id = coalesce(e.account_id, excluded.account_id),
  id = coalesce(e.id, excluded.id),
  source = coalesce(e.source, excluded.source),
  type = coalesce(e.type, excluded.type),
  subject = coalesce(e.subject, excluded.subject),
  time = coalesce(e.time, excluded.time),
  accepted_at = least(e.accepted_at, excluded.accepted_at),
  status = CASE WHEN 'rejected' IN (e.status, excluded.status) THEN 'rejected'
                WHEN 'unmatched' IN (e.status, excluded.status) THEN 'unmatched' ELSE 'accepted' END,
  reason = coalesce(e.reason, excluded.reason)`;

/** What `records` say about events: that they came, that nobody wanted them, that they were refused. */
export async function intoEvents(
  schema: string,
  sourceIds: SourceIds,
  records: readonly ArchivedRecord[],
): Promise<Insertion> {
  const rows = new Map<string, EventRow>();
  for (const record of records) {
    const row = await rowOf(record, sourceIds);
    if (!row) continue;
    const place = `${row.sourceId}:${row.position}`;
    const known = rows.get(place);
    rows.set(place, known ? merged(known, row) : row);
  }
  return insertion(
    {
      into: `${schema}.events AS e`,
      columns: COLUMNS,
      orderBy: 'source_id, position',
      onConflict: `(source_id, position) DO UPDATE SET ${MERGE}`,
    },
    [...rows.values()],
  );
}

/** `MERGE` within one batch: a statement may touch a row only once. */
const merged = (known: EventRow, next: EventRow): EventRow => ({
  ...known,
  eventKey: known.eventKey ?? next.eventKey,
  accountId: known.accountId ?? next.accountId,
  id: known.id ?? next.id,
  source: known.source ?? next.source,
  type: known.type ?? next.type,
  subject: known.subject ?? next.subject,
  time: known.time ?? next.time,
  acceptedAt: Math.min(known.acceptedAt, next.acceptedAt),
  status: STATUSES.find((status) => status === known.status || status === next.status)!,
  reason: known.reason ?? next.reason,
});

/** The one that counts first. */
const STATUSES = ['rejected', 'unmatched', 'accepted'] as const;

async function rowOf(record: ArchivedRecord, sourceIds: SourceIds): Promise<EventRow | undefined> {
  if (record.kind === 'event') return record.eventKey === null ? undefined : eventRow(record, sourceIds);
  if (record.kind === 'unmatched') return unmatchedRow(record, sourceIds);
  if (record.kind === 'refused') return refusedRow(record, sourceIds);
  return undefined;
}

async function eventRow(record: ArchivedRecord, sourceIds: SourceIds): Promise<EventRow> {
  return {
    ...(JSON.parse(record.facts!) as EventFacts),
    sourceId: await sourceIds(record),
    position: record.position,
    eventKey: record.eventKey,
    accountId: record.accountId,
    acceptedAt: record.appendedAt,
    status: 'accepted',
    reason: null,
  };
}

async function unmatchedRow(record: ArchivedRecord, sourceIds: SourceIds): Promise<EventRow> {
  const header = (name: string) => archivedHeaderText(record.headers, name);
  const {
    id = null,
    source = null,
    type = null,
    subject = null,
    time = null,
  } = archivedAttributes(record.headers) ?? {};
  const [partition, position] = header(HEADER.origin)!.split(':').map(Number) as [number, number];
  const acceptedAt = Number(header(HEADER.acceptedAt) ?? Number.NaN);
  return {
    ...factsOf({ id, source, type, subject, time }),
    sourceId: await sourceIds({ identity: record.identity, topic: TOPICS.events.name, partition }),
    position,
    eventKey: record.eventKey,
    accountId: record.accountId,
    acceptedAt: Number.isSafeInteger(acceptedAt) ? acceptedAt : record.appendedAt,
    status: 'unmatched',
    reason: null,
  };
}

async function refusedRow(record: ArchivedRecord, sourceIds: SourceIds): Promise<EventRow | undefined> {
  const { topic, partition, position, reason, ...facts } = JSON.parse(record.facts!) as RejectedFacts;
  if (topic !== TOPICS.events.name) return undefined;
  return {
    ...facts,
    sourceId: await sourceIds({ identity: record.identity, topic, partition }),
    position,
    eventKey: record.eventKey,
    accountId: record.accountId,
    acceptedAt: record.appendedAt,
    status: 'rejected',
    reason,
  };
}
