import type { Client } from 'pg';

/*
 * Each entry takes the schema one version further; what is here once is never edited.
 * Version 1: rows up to 8 kB stay in the heap, larger values go to TOAST uncompressed: bodies are read once or twice and
 * compressing them would cost more than it saves. No index but the key: a record is only ever looked for by its place.
 */
const VERSIONS: readonly string[] = [
  `
  CREATE TABLE log.identity (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    epoch bigint NOT NULL DEFAULT 0
  );
  INSERT INTO log.identity DEFAULT VALUES;
  CREATE TABLE log.topics (
    id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    partitions smallint NOT NULL
  );
  CREATE TABLE log.records (
    position bigint NOT NULL,
    appended_at_ms bigint NOT NULL,
    topic smallint NOT NULL,
    partition smallint NOT NULL,
    key bytea,
    headers text NOT NULL,
    value bytea,
    PRIMARY KEY (topic, partition, position)
  ) WITH (toast_tuple_target = 8160);
  ALTER TABLE log.records ALTER COLUMN value SET STORAGE EXTERNAL, ALTER COLUMN headers SET STORAGE EXTERNAL;
  CREATE TABLE log.offsets (
    group_name text NOT NULL,
    topic smallint NOT NULL,
    partition smallint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (group_name, topic, partition)
  ) WITH (fillfactor = 20);
  `,
  // Where the next record of a partition stands at the earliest: positions before it were used by records that a crash took back.
  `
  CREATE TABLE log.skips (
    topic smallint NOT NULL,
    partition smallint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (topic, partition)
  );
  `,
];

/** Brings the schema `log` up to date. The caller holds the log's lock, so nobody does the same beside it. */
export async function migrate(client: Client): Promise<void> {
  await client.query('CREATE SCHEMA IF NOT EXISTS log');
  await client.query('CREATE TABLE IF NOT EXISTS log.schema_version (version integer PRIMARY KEY)');
  const { rows } = await client.query<{ version: number | null }>(
    'SELECT max(version) AS version FROM log.schema_version',
  );
  const done = rows[0]?.version ?? 0;
  if (done > VERSIONS.length) {
    throw new Error(`The event log has schema version ${done}; this program knows ${VERSIONS.length}: it is too old`);
  }
  for (const [index, statements] of VERSIONS.entries()) {
    if (index < done) continue;
    await client.query(`BEGIN; ${statements} INSERT INTO log.schema_version VALUES (${index + 1}); COMMIT`);
  }
}
