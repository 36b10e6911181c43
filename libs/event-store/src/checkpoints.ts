import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { MigrationClass } from './migrate.js';
import type { Queries } from './prepared.js';
import { checkedSchema } from './schema-name.js';

/** Whose position in what: the table is `<schema>.checkpoints`. */
export interface CheckpointKey {
  readonly schema: string;
  /** The projection, e.g. `schedule`. */
  readonly consumer: string;
  /** Identity of the log: a position means nothing on another one (correctness.md §3). */
  readonly identity: string;
  readonly topic: string;
  readonly partition: number;
}

export interface CheckpointMove extends CheckpointKey {
  /** The position that must be stored now; null: there must be none. */
  readonly from: number | null;
  readonly to: number;
}

/**
 * Moves a stored position by compare-and-set. Call it inside the transaction that writes what the records led to: false
 * means that somebody else was here and the transaction must write nothing (correctness.md §7).
 */
export async function moveCheckpoint(manager: Queries, move: CheckpointMove): Promise<boolean> {
  const table = `${checkedSchema(move.schema)}.checkpoints`;
  const key = [move.consumer, move.identity, move.topic, move.partition];
  const change =
    move.from === null
      ? `INSERT INTO ${table} (consumer, identity, topic, partition, position) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING`
      : `UPDATE ${table} SET position = $5 WHERE consumer = $1 AND identity = $2 AND topic = $3 AND partition = $4
         AND position = $6`;
  const values = move.from === null ? [...key, move.to] : [...key, move.to, move.from];
  const rows: unknown[] = await manager.query(`WITH moved AS (${change} RETURNING 1) SELECT 1 FROM moved`, values);
  return rows.length === 1;
}

/** Whose positions in what log: `CheckpointKey` without the place. */
export type CheckpointOwner = Omit<CheckpointKey, 'topic' | 'partition'>;

/**
 * Moves several positions of one owner, as `moveCheckpoint` does one. False when any of them was not where it was thought to
 * be: some may have moved then, so the caller must roll its transaction back.
 */
export async function moveCheckpoints(
  manager: Queries,
  owner: CheckpointOwner,
  moves: readonly Pick<CheckpointMove, 'topic' | 'partition' | 'from' | 'to'>[],
): Promise<boolean> {
  for (const move of moves) {
    if (move.from === null && !(await moveCheckpoint(manager, { ...owner, ...move }))) return false;
  }
  const known = moves.filter(({ from }) => from !== null);
  if (known.length === 0) return true;
  const table = `${checkedSchema(owner.schema)}.checkpoints`;
  const rows: unknown[] = await manager.query(
    `WITH moved AS (
       UPDATE ${table} c SET position = m.new_position
         FROM unnest($3::text[], $4::integer[], $5::bigint[], $6::bigint[]) AS m(topic, partition, old_position, new_position)
        WHERE c.consumer = $1 AND c.identity = $2 AND c.topic = m.topic AND c.partition = m.partition
          AND c.position = m.old_position
       RETURNING 1)
     SELECT 1 FROM moved`,
    [
      owner.consumer,
      owner.identity,
      known.map(({ topic }) => topic),
      known.map(({ partition }) => partition),
      known.map(({ from }) => from),
      known.map(({ to }) => to),
    ],
  );
  return rows.length === known.length;
}

/** The stored position (the next one to read), or null when there is none for this identity. */
export async function readCheckpoint(manager: Queries, key: CheckpointKey): Promise<number | null> {
  const [row] = await manager.query<{ position: string }[]>(
    `SELECT position FROM ${checkedSchema(key.schema)}.checkpoints
     WHERE consumer = $1 AND identity = $2 AND topic = $3 AND partition = $4`,
    [key.consumer, key.identity, key.topic, key.partition],
  );
  return row ? Number(row.position) : null;
}

/** The stored positions of one owner at several places, in their order; null where there is none. */
export async function readCheckpoints(
  manager: Queries,
  { schema, consumer, identity }: CheckpointOwner,
  places: readonly Pick<CheckpointKey, 'topic' | 'partition'>[],
): Promise<(number | null)[]> {
  const rows = await manager.query<{ position: string | null }[]>(
    `SELECT c.position FROM unnest($3::text[], $4::integer[]) WITH ORDINALITY AS p(topic, partition, place)
     LEFT JOIN ${checkedSchema(schema)}.checkpoints c
       ON c.consumer = $1 AND c.identity = $2 AND c.topic = p.topic AND c.partition = p.partition
     ORDER BY p.place`,
    [consumer, identity, places.map(({ topic }) => topic), places.map(({ partition }) => partition)],
  );
  return rows.map(({ position }) => (position === null ? null : Number(position)));
}

/** The migration that makes `<schema>.checkpoints`. */
export function checkpointsMigration(schema: string): MigrationClass {
  const table = `${checkedSchema(schema)}.checkpoints`;
  return class Checkpoints1700000000000 implements MigrationInterface {
    readonly name = 'Checkpoints1700000000000';

    async up(runner: QueryRunner): Promise<void> {
      await runner.query(`
        CREATE TABLE ${table} (
          consumer text NOT NULL,
          identity text NOT NULL,
          topic text NOT NULL,
          partition integer NOT NULL,
          position bigint NOT NULL,
          PRIMARY KEY (consumer, identity, topic, partition)
        ) WITH (fillfactor = 50)`);
    }

    async down(runner: QueryRunner): Promise<void> {
      await runner.query(`DROP TABLE ${table}`);
    }
  };
}
