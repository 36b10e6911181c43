import type { Queries } from '@switchhook/event-store';
import type { ArchivedRecord, RecordPlace } from './archived-record.js';
import { insertion, type Insertion, type Target } from './insertion.js';

/** A record on its way into the archive. */
export interface ArchivedRow {
  readonly archived: ArchivedRecord;
  /** The id of (identity, topic, partition) in `audit.sources`. */
  readonly sourceId: number;
  readonly key: Buffer | null;
  readonly payload: Buffer | null;
  readonly salt: Buffer;
  readonly commitment: Buffer;
}

/** Every table of the archive. The views are made elsewhere: they may be dropped, this may not. */
export const ARCHIVE_SQL: readonly string[] = [
  `CREATE TABLE audit.sources (
     id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     identity text NOT NULL,
     topic text NOT NULL,
     partition integer NOT NULL,
     UNIQUE (identity, topic, partition))`,
  // No unique index: it would have to hold the day as well, and so would not be one. The checkpoint keeps repeats out.
  `CREATE TABLE audit.records (
     source_id integer NOT NULL,
     position bigint NOT NULL,
     appended_at bigint NOT NULL,
     kind text NOT NULL,
     account_id bigint,
     event_key uuid,
     delivery_id uuid,
     webhook_id bigint,
     run integer,
     number integer,
     key bytea,
     headers json NOT NULL,
     facts json,
     commitment bytea NOT NULL) PARTITION BY RANGE (appended_at)`,
  `CREATE INDEX records_place ON audit.records (source_id, position)`,
  `CREATE TABLE audit.payloads (
     source_id integer NOT NULL,
     position bigint NOT NULL,
     appended_at bigint NOT NULL,
     salt bytea NOT NULL,
     value bytea) PARTITION BY RANGE (appended_at)`,
  `CREATE INDEX payloads_place ON audit.payloads (source_id, position)`,
];

const RECORDS: Target<ArchivedRow> = {
  into: 'audit.records',
  columns: [
    { name: 'source_id', type: 'integer', of: (row) => row.sourceId },
    { name: 'position', type: 'bigint', of: (row) => row.archived.position },
    { name: 'appended_at', type: 'bigint', of: (row) => row.archived.appendedAt },
    { name: 'kind', type: 'text', of: (row) => row.archived.kind },
    { name: 'account_id', type: 'bigint', of: (row) => row.archived.accountId },
    { name: 'event_key', type: 'uuid', of: (row) => row.archived.eventKey },
    { name: 'delivery_id', type: 'uuid', of: (row) => row.archived.deliveryId },
    { name: 'webhook_id', type: 'bigint', of: (row) => row.archived.webhookId },
    { name: 'run', type: 'integer', of: (row) => row.archived.run },
    { name: 'number', type: 'integer', of: (row) => row.archived.number },
    { name: 'key', type: 'bytea', of: (row) => row.key },
    { name: 'headers', type: 'json', of: (row) => JSON.stringify(row.archived.headers) },
    { name: 'facts', type: 'json', of: (row) => row.archived.facts },
    { name: 'commitment', type: 'bytea', of: (row) => row.commitment },
  ],
};

const PAYLOADS: Target<ArchivedRow> = {
  into: 'audit.payloads',
  columns: [
    { name: 'source_id', type: 'integer', of: (row) => row.sourceId },
    { name: 'position', type: 'bigint', of: (row) => row.archived.position },
    { name: 'appended_at', type: 'bigint', of: (row) => row.archived.appendedAt },
    { name: 'salt', type: 'bytea', of: (row) => row.salt },
    { name: 'value', type: 'bytea', of: (row) => row.payload },
  ],
};

/** Into the archive. */
export const archiveInsertions = (rows: readonly ArchivedRow[]): Insertion[] => [
  insertion(RECORDS, rows),
  insertion(PAYLOADS, rows),
];

/** Gives the short id of (identity, topic, partition), the same for ever. */
export type SourceIds = (place: Omit<RecordPlace, 'position'>) => Promise<number>;

/** Ids from `audit.sources`, remembered. Written outside the batch's transaction, so that no remembered id is rolled back. */
export function createSourceIds(database: Queries): SourceIds {
  const known = new Map<string, number>();
  return async ({ identity, topic, partition }) => {
    const name = `${identity} ${topic} ${partition}`;
    const remembered = known.get(name);
    if (remembered !== undefined) return remembered;
    const values = [identity, topic, partition];
    await database.query(
      `INSERT INTO audit.sources (identity, topic, partition) SELECT $1::text, $2::text, $3::integer
       WHERE NOT EXISTS (SELECT 1 FROM audit.sources WHERE identity = $1 AND topic = $2 AND partition = $3)
       ON CONFLICT DO NOTHING`,
      values,
    );
    const [row] = await database.query<{ id: number }[]>(
      `SELECT id FROM audit.sources WHERE identity = $1 AND topic = $2 AND partition = $3`,
      values,
    );
    known.set(name, row!.id);
    return row!.id;
  };
}
