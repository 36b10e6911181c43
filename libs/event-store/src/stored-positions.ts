import type { DataSource } from 'typeorm';

/** The next position that an owner wants of a partition. */
export interface StoredLogPosition {
  /** For a message: `delivery.checkpoints schedule`. */
  readonly owner: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
}

/**
 * What the tables hold that `checkpointsMigration` has made, in whatever schema, for this identity of the log. The database
 * may be shared: a table of the same name that is not ours, or not for us to read, is left out.
 */
export async function readStoredPositions(database: DataSource, identity: string): Promise<StoredLogPosition[]> {
  const schemas = await database.query<{ table_schema: string }[]>(
    `SELECT quote_ident(table_schema) AS table_schema FROM information_schema.columns
     WHERE table_name = 'checkpoints'
       AND column_name IN ('consumer', 'identity', 'topic', 'partition', 'position')
       AND has_table_privilege(format('%I.%I', table_schema, table_name), 'SELECT')
     GROUP BY table_schema HAVING count(*) = 5`,
  );
  const found: StoredLogPosition[] = [];
  for (const { table_schema: schema } of schemas) {
    const rows = await database.query<{ consumer: string; topic: string; partition: number; position: string }[]>(
      `SELECT consumer, topic, partition, position FROM ${schema}.checkpoints WHERE identity = $1`,
      [identity],
    );
    for (const { consumer, topic, partition, position } of rows) {
      found.push({ owner: `${schema}.checkpoints ${consumer}`, topic, partition, position: Number(position) });
    }
  }
  return found;
}
