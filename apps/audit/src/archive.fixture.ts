import { randomBytes } from 'node:crypto';
import {
  HEADER,
  TOPICS,
  joinParts,
  type AttemptIds,
  type Outcome,
  type RecordHeaders,
  type TelephonyEvent,
} from '@switchhook/contracts';
import {
  attemptHeaders,
  attributesHeader,
  deliveryId,
  eventHeaders,
  eventKey,
  eventRecordKey,
} from '@switchhook/domain';
import { toRejected, type LogRecord, type OutgoingRecord } from '@switchhook/event-log';
import { migrate, openDatabase, preparedQueries, type Queries } from '@switchhook/event-store';
import { createDatabase } from '@switchhook/testing';
import type { DataSource } from 'typeorm';
import { ArchivePositions } from './archive-positions.js';
import { createSourceIds } from './archive-tables.js';
import { archiveRecords, type ArchiveDeps } from './archive.js';
import { createDayPartitions } from './day-partitions.js';
import type { ArchivedRecord } from './archived-record.js';
import { insertInTurn } from './insertion.js';
import { AUDIT_MIGRATIONS } from './migrations/all.js';
import { viewsOver } from './views.js';

export const NOON = Date.UTC(2026, 10, 22, 12);
export const IDENTITY = 'embedded:6f2b';

/** An archive on a database of its own. */
export interface TestArchive {
  readonly database: DataSource;
  readonly deps: ArchiveDeps;
  /** Those that `deps` has made, the oldest first. */
  readonly statements: string[];
  /** Another one that archives into the same database, of the same log or of another. */
  anotherInstance(identity?: string): ArchiveDeps;
  applyToViews(manager: Queries, records: readonly ArchivedRecord[]): Promise<void>;
  readonly unreadable: string[];
  /** Archives the records, each topic and partition in its order. */
  take(records: readonly LogRecord[]): Promise<number>;
  count(table: string): Promise<number>;
  close(): Promise<void>;
}

export async function openTestArchive(): Promise<TestArchive> {
  const { url, drop } = await createDatabase();
  await migrate({ url, schema: 'audit', migrations: AUDIT_MIGRATIONS });
  const database = await openDatabase({ url, applicationName: 'audit spec' });
  const unreadable: string[] = [];
  const sourceIds = createSourceIds(database);
  const intoViews = viewsOver(sourceIds);
  const prepared = preparedQueries(database);
  const statements: string[] = [];
  const counted: Queries = {
    query: (text, values) => {
      statements.push(text);
      return prepared.query(text, values);
    },
  };
  const deps: ArchiveDeps = {
    database: counted,
    positions: new ArchivePositions(counted, IDENTITY),
    identity: IDENTITY,
    sourceIds,
    dayPartitions: createDayPartitions(database),
    intoViews,
    randomBytes,
    onUnreadable: (_record, fault) => unreadable.push(fault),
  };
  return {
    database,
    deps,
    statements,
    unreadable,
    anotherInstance: (identity = IDENTITY) => ({
      ...deps,
      identity,
      positions: new ArchivePositions(prepared, identity),
    }),
    applyToViews: async (manager, records) => insertInTurn(manager, await intoViews(records)),
    take: async (records) => {
      let taken = 0;
      for (const batch of byPartition(records)) taken += await archiveRecords(deps, batch);
      return taken;
    },
    count: async (table) => {
      const [row] = await database.query<{ n: number }[]>(`SELECT count(*)::int AS n FROM ${table}`);
      return row!.n;
    },
    close: async () => {
      await database.destroy();
      await drop();
    },
  };
}

/** The records in batches of one topic and partition each, in the order in which those first come. */
export function byPartition(records: readonly LogRecord[]): readonly (readonly LogRecord[])[] {
  const batches = new Map<string, LogRecord[]>();
  for (const record of records) {
    const place = `${record.topic} ${record.partition}`;
    batches.set(place, [...(batches.get(place) ?? []), record]);
  }
  return [...batches.values()];
}

/** A log in memory: gives records their places. */
export class TestLog {
  readonly records: LogRecord[] = [];
  readonly #next = new Map<string, number>();
  nowMs = NOON;

  append(outgoing: OutgoingRecord, partition = 0): LogRecord {
    const place = `${outgoing.topic} ${partition}`;
    const position = this.#next.get(place) ?? 0;
    this.#next.set(place, position + 1);
    const { topic, key, value, headers } = outgoing;
    const appendedAtMs = this.nowMs++;
    const record = {
      topic,
      partition,
      position,
      appendedAtMs,
      key: key === null ? null : Buffer.from(key),
      value,
      headers,
    };
    this.records.push(record);
    return record;
  }

  /** The event on `events.v1`. */
  event(event: TelephonyEvent): LogRecord {
    const { data: value } = event;
    return this.append({ topic: TOPICS.events.name, key: eventRecordKey(event), value, headers: eventHeaders(event) });
  }

  rejected(record: LogRecord, code: string): LogRecord {
    return this.append(toRejected(record, code, 'words'));
  }

  unmatched(event: TelephonyEvent, origin: LogRecord): LogRecord {
    const key = eventKey(event.accountId, event.source, event.id);
    const { value, lengths } = joinParts([json({ outcome: 'unmatched', at: this.nowMs })]);
    const headers = {
      ...attributesHeader(event),
      [HEADER.accountId]: String(event.accountId),
      [HEADER.eventKey]: key,
      [HEADER.acceptedAt]: String(origin.appendedAtMs),
      [HEADER.origin]: `${origin.partition}:${origin.position}`,
      [HEADER.outcome]: 'unmatched',
      [HEADER.parts]: lengths,
    };
    return this.append({ topic: TOPICS.outcomes.name, key, value, headers });
  }

  requested(event: TelephonyEvent, ids: AttemptIds): LogRecord {
    return this.append({
      topic: TOPICS.requested.name,
      key: String(ids.webhookId),
      value: event.data,
      headers: { ...attributesHeader(event), ...attemptHeaders(ids), [HEADER.kind]: 'request' },
    });
  }

  signed(event: TelephonyEvent, ids: AttemptIds): LogRecord {
    const call = { method: 'POST', url: 'https://example.com/hook', headers: {}, signingKeyIds: ['k1'] };
    const { value, lengths } = joinParts([json(call), Buffer.from('the body'), event.data]);
    const headers = { ...attributesHeader(event), ...attemptHeaders(ids), [HEADER.parts]: lengths };
    return this.append({ topic: TOPICS.signed.name, key: String(ids.webhookId), value, headers });
  }

  outcome(event: TelephonyEvent, ids: AttemptIds, outcome: Outcome): LogRecord {
    const again = outcome.outcome === 'attempted' || outcome.outcome === 'deferred';
    const { value, lengths } = joinParts(again ? [json(outcome), event.data] : [json(outcome)]);
    const headers: RecordHeaders = {
      ...attributesHeader(event),
      ...attemptHeaders(ids),
      [HEADER.outcome]: outcome.outcome,
      [HEADER.parts]: lengths,
    };
    return this.append({ topic: TOPICS.outcomes.name, key: String(ids.webhookId), value, headers });
  }
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

export const anEvent = (changes: Partial<TelephonyEvent> = {}): TelephonyEvent => ({
  accountId: 1,
  id: 'e-1',
  source: 'switch-7',
  type: 'InboundText.Finished',
  subject: 'text-9',
  time: '2026-11-22T11:59:59.500Z',
  dataContentType: 'application/json',
  extensions: {},
  data: Buffer.from('{"id":7420017300281076000}'),
  ...changes,
});

export function idsOf(event: TelephonyEvent, origin: LogRecord, changes: Partial<AttemptIds> = {}): AttemptIds {
  const key = eventKey(event.accountId, event.source, event.id);
  const webhookId = changes.webhookId ?? 5;
  return {
    accountId: event.accountId,
    eventKey: key,
    deliveryId: deliveryId(key, webhookId),
    webhookId,
    webhookVersion: 1,
    run: 0,
    number: 1,
    deferrals: 0,
    acceptedAt: origin.appendedAtMs,
    origin: `${origin.partition}:${origin.position}`,
    ...changes,
  };
}

/** An outcome of a call that was answered with `statusCode`. */
export const called = (
  outcome: Outcome['outcome'],
  ids: AttemptIds,
  statusCode: number,
  more: Partial<Outcome> = {},
): Outcome => ({
  outcome,
  at: ids.acceptedAt + ids.number * 1000,
  attempt: {
    run: ids.run,
    number: ids.number,
    startedAt: ids.acceptedAt + ids.number * 1000 - 12,
    durationMs: 12.5,
    url: 'https://example.com/hook',
    statusCode,
    error: null,
    responseBody: 'ok\0',
    bodyHash: 'aGFzaA',
    signingKeyIds: ['k1'],
    traceId: '0af7651916cd43dd8448eb211c80319c',
  },
  ...more,
});

/** The same, of a call that went to the webhook's fallback. */
export const atFallback = (outcome: Outcome): Outcome => ({
  ...outcome,
  ...(outcome.attempt && { attempt: { ...outcome.attempt, target: 'fallback' } }),
});
