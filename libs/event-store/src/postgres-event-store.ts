import type { DataSource, EntityManager, MigrationInterface, QueryRunner } from 'typeorm';
import { ConcurrencyError, type Appended, type EventStore, type NewEvent, type StoredEvent } from './event-store.js';
import type { MigrationClass } from './migrate.js';
import { checkedSchema } from './schema-name.js';

export interface PostgresEventStoreDeps {
  readonly database: DataSource;
  /** The owner's schema; its tables come from `eventsMigration(schema)`. */
  readonly schema: string;
  readonly now: () => number;
}

/** The channel on which each append says, at commit, that there is something to relay. */
export const eventsChannel = (schema: string): string => `${checkedSchema(schema)}_events`;

interface Row {
  position: string;
  stream_id: string;
  version: number;
  type: string;
  data: unknown;
  metadata: Record<string, unknown>;
  recorded_at: Date;
}

/** The event store on Postgres, in `<schema>.events`. */
export function postgresEventStore({ database, schema, now }: PostgresEventStoreDeps): EventStore {
  const table = `${checkedSchema(schema)}.events`;
  const columns = 'position, stream_id, version, type, data, metadata, recorded_at';

  return {
    append: (streamId, expectedVersion, events, tx) =>
      tx
        ? appendIn(tx, schema, { streamId, expectedVersion, events, now })
        : database.transaction((own) => appendIn(own, schema, { streamId, expectedVersion, events, now })),

    async readStream(streamId) {
      const rows: Row[] = await database.query(
        `SELECT ${columns} FROM ${table} WHERE stream_id = $1 ORDER BY version`,
        [streamId],
      );
      return rows.map(toEvent);
    },

    async readAll(fromPosition, limit) {
      const rows: Row[] = await database.query(
        `SELECT ${columns} FROM ${table} WHERE position >= $1 ORDER BY position LIMIT $2`,
        [fromPosition, limit],
      );
      return rows.map(toEvent);
    },
  };
}

interface Append {
  readonly streamId: string;
  readonly expectedVersion: number;
  readonly events: readonly NewEvent[];
  readonly now: () => number;
}

async function appendIn(tx: EntityManager, schema: string, append: Append): Promise<Appended> {
  const { streamId, expectedVersion, events, now } = append;
  // The row lock is held until commit: whoever comes next gets higher positions and commits later (correctness.md §7).
  const [counter] = await tx.query<{ last: string }[]>(`SELECT last FROM ${schema}.event_counter FOR UPDATE`);
  const [stream] = await tx.query<{ version: number }[]>(
    `SELECT coalesce(max(version), 0) AS version FROM ${schema}.events WHERE stream_id = $1`,
    [streamId],
  );
  const actualVersion = stream?.version ?? 0;
  if (actualVersion !== expectedVersion) throw new ConcurrencyError(streamId, expectedVersion, actualVersion);

  const last = Number(counter?.last);
  const position = last + events.length;
  await tx.query(
    `WITH counted AS (UPDATE ${schema}.event_counter SET last = $1)
     INSERT INTO ${schema}.events (position, stream_id, version, type, data, metadata, recorded_at)
     SELECT $2::bigint + ordinal, $3, $4::integer + ordinal, type, data, metadata, $5
     FROM unnest($6::text[], $7::json[], $8::json[]) WITH ORDINALITY AS e (type, data, metadata, ordinal)`,
    [
      position,
      last,
      streamId,
      expectedVersion,
      new Date(now()),
      events.map((event) => event.type),
      events.map((event) => JSON.stringify(event.data)),
      events.map((event) => JSON.stringify(event.metadata ?? {})),
    ],
  );
  await tx.query(`NOTIFY ${eventsChannel(schema)}`);
  return { version: expectedVersion + events.length, position };
}

function toEvent(row: Row): StoredEvent {
  return {
    position: Number(row.position),
    streamId: row.stream_id,
    version: row.version,
    type: row.type,
    data: row.data,
    metadata: row.metadata,
    recordedAt: row.recorded_at.getTime(),
  };
}

/** The migration that makes `<schema>.events`. The data is `json`, not `jsonb`: kept as it was written. */
export function eventsMigration(schema: string): MigrationClass {
  checkedSchema(schema);
  return class Events1700000000001 implements MigrationInterface {
    readonly name = 'Events1700000000001';

    async up(runner: QueryRunner): Promise<void> {
      await runner.query(`
        CREATE TABLE ${schema}.events (
          position bigint PRIMARY KEY,
          stream_id text NOT NULL,
          version integer NOT NULL,
          type text NOT NULL,
          data json NOT NULL,
          metadata json NOT NULL,
          recorded_at timestamptz NOT NULL,
          UNIQUE (stream_id, version)
        )`);
      await runner.query(`
        CREATE TABLE ${schema}.event_counter (
          only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
          last bigint NOT NULL
        ) WITH (fillfactor = 10)`);
      await runner.query(`INSERT INTO ${schema}.event_counter (last) VALUES (0)`);
    }

    async down(runner: QueryRunner): Promise<void> {
      await runner.query(`DROP TABLE ${schema}.events, ${schema}.event_counter`);
    }
  };
}
