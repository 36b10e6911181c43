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

/** The beginning of a statement that moves positions and writes what the records led to, both or neither. */
export interface PositionsMoved {
  /** Common tables, in this order before those that write. */
  readonly tables: readonly string[];
  /** SQL: whether every position was where it was thought to be. What is written must ask this, or it would be written twice. */
  readonly holds: string;
  /** `$1` and on. */
  readonly values: readonly unknown[];
}

/**
 * Moves several positions of one owner (one move per place) by compare-and-set, all or none, within a statement that writes:
 * one round trip for what takes a transaction of several. Another instance at the same place waits at the row and finds the
 * position moved.
 */
export function positionsMoved(
  owner: CheckpointOwner,
  moves: readonly Pick<CheckpointMove, 'topic' | 'partition' | 'from' | 'to'>[],
): PositionsMoved {
  const table = `${checkedSchema(owner.schema)}.checkpoints`;
  return {
    tables: [
      // Locked in one order, so that two instances wait for each other and do not deadlock.
      `held AS MATERIALIZED (
         SELECT c.topic, c.partition, m.new_position
           FROM ${table} c
           JOIN unnest($3::text[], $4::integer[], $5::bigint[], $6::bigint[]) AS m(topic, partition, old_position, new_position)
             ON c.topic = m.topic AND c.partition = m.partition AND c.position = m.old_position
          WHERE c.consumer = $1 AND c.identity = $2
          ORDER BY c.topic, c.partition FOR UPDATE OF c)`,
      'all_held AS MATERIALIZED (SELECT count(*) = cardinality($4::integer[]) AS yes FROM held)',
      `moved AS (
         UPDATE ${table} c SET position = held.new_position FROM held
          WHERE c.consumer = $1 AND c.identity = $2 AND c.topic = held.topic AND c.partition = held.partition
            AND (SELECT yes FROM all_held))`,
    ],
    holds: '(SELECT yes FROM all_held)',
    values: [
      owner.consumer,
      owner.identity,
      moves.map(({ topic }) => topic),
      moves.map(({ partition }) => partition),
      moves.map(({ from }) => from),
      moves.map(({ to }) => to),
    ],
  };
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

/** The stored positions of one owner at several places, in their order; where there was none it is 0 now. */
export async function openCheckpoints(
  database: Queries,
  { schema, consumer, identity }: CheckpointOwner,
  places: readonly Pick<CheckpointKey, 'topic' | 'partition'>[],
): Promise<number[]> {
  const table = `${checkedSchema(schema)}.checkpoints`;
  const values = [consumer, identity, places.map(({ topic }) => topic), places.map(({ partition }) => partition)];
  const stored = async (): Promise<(string | null)[]> => {
    const rows = await database.query<{ position: string | null }[]>(
      `SELECT c.position FROM unnest($3::text[], $4::integer[]) WITH ORDINALITY AS p(topic, partition, place)
       LEFT JOIN ${table} c ON c.consumer = $1 AND c.identity = $2 AND c.topic = p.topic AND c.partition = p.partition
       ORDER BY p.place`,
      values,
    );
    return rows.map(({ position }) => position);
  };
  const found = await stored();
  if (!found.includes(null)) return found.map(Number);
  await database.query(
    `INSERT INTO ${table} (consumer, identity, topic, partition, position)
     SELECT $1, $2, p.topic, p.partition, 0 FROM unnest($3::text[], $4::integer[]) AS p(topic, partition)
     ORDER BY p.topic, p.partition ON CONFLICT DO NOTHING`,
    values,
  );
  return (await stored()).map(Number);
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
