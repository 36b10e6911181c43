import { channel } from 'node:diagnostics_channel';
import type { Pool } from 'pg';
import type { Partition } from './partition.js';

/** Where chaos runs end the process (docs/adr/0035). */
const COMPACTED = channel('switchhook.embedded.compacted');

/** Positions found at a time, and deleted at a time. */
const FOUND_AT_ONCE = 50_000;
const DELETED_AT_ONCE = 1_000;

/**
 * The oldest records of a partition whose key has a newer record that was appended before $3, and that every group has
 * passed. The newest record of each key is never among them, so neither is the last of the partition.
 */
const OVERWRITTEN = `
  SELECT position FROM (
    SELECT position, lead(appended_at_ms) OVER (PARTITION BY key ORDER BY position) AS overwritten_at_ms
    FROM log.records WHERE topic = $1 AND partition = $2 AND key IS NOT NULL
  ) AS of_key
  WHERE overwritten_at_ms < $3
    AND position < coalesce((SELECT min(position) FROM log.offsets WHERE topic = $1 AND partition = $2), position + 1)
  ORDER BY position LIMIT $4`;

const DELETE_THESE = `DELETE FROM log.records WHERE topic = $1 AND partition = $2 AND position = ANY($3::bigint[])`;

/**
 * Deletes what was overwritten before `beforeMs` (epoch ms), in small statements, as Kafka's cleaner does with a minimum lag.
 * Readers need not be told: whoever is behind finds a gap, and the newer record of that key later. Throws when the database
 * is away; stops early when `isStopped`.
 */
export async function compact(
  pool: Pool,
  partition: Partition,
  beforeMs: number,
  isStopped: () => boolean,
): Promise<void> {
  const place = [partition.topicId, partition.number];
  for (let found = FOUND_AT_ONCE; found === FOUND_AT_ONCE && !isStopped();) {
    const { rows } = await pool.query<{ position: string }>({
      name: 'overwritten',
      text: OVERWRITTEN,
      values: [...place, beforeMs, FOUND_AT_ONCE],
    });
    found = rows.length;
    for (let at = 0; at < found && !isStopped(); at += DELETED_AT_ONCE) {
      const positions = rows.slice(at, at + DELETED_AT_ONCE).map((row) => row.position);
      await pool.query({ name: 'delete-these', text: DELETE_THESE, values: [...place, positions] });
      COMPACTED.publish(undefined);
    }
  }
}
