import type { DataSource } from 'typeorm';

/** The next position that an owner wants of a partition. */
export interface StoredLogPosition {
  /** For a message: `delivery.checkpoints schedule`. */
  readonly owner: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
}

/** What `checkpointsMigration` has made in whatever schema holds, for this identity of the log. */
export async function readStoredPositions(database: DataSource, identity: string): Promise<StoredLogPosition[]> {
  const schemas = await database.query<{ table_schema: string }[]>(
    `SELECT table_schema FROM information_schema.tables WHERE table_name = 'checkpoints'`,
  );
  const found: StoredLogPosition[] = [];
  for (const { table_schema: schema } of schemas) {
    const rows = await database.query<{ consumer: string; topic: string; partition: number; position: string }[]>(
      `SELECT consumer, topic, partition, position FROM "${schema}".checkpoints WHERE identity = $1`,
      [identity],
    );
    for (const { consumer, topic, partition, position } of rows) {
      found.push({ owner: `${schema}.checkpoints ${consumer}`, topic, partition, position: Number(position) });
    }
  }
  return found;
}
