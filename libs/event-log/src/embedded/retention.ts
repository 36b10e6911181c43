import type { Pool } from 'pg';
import type { Logger } from '../logger.js';
import { compact } from './compact.js';
import type { Partition } from './partition.js';
import type { Topic } from './partitions.js';

const EVERY_MS = 60_000;
const COMPACT_EVERY_MS = 60 * 60 * 1_000;
const DELETED_AT_ONCE = 1_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * Deletes up to DELETED_AT_ONCE of a partition's oldest records: those appended before $3 that every group has passed.
 * The last one stays whatever its age: the next position is known by it.
 */
const DELETE_SOME = `
  WITH oldest AS (
    SELECT position, appended_at_ms FROM log.records WHERE topic = $1 AND partition = $2 ORDER BY position LIMIT $4
  ), past AS (
    SELECT max(position) AS position FROM oldest
    WHERE appended_at_ms < $3
      AND position < (SELECT max(position) FROM log.records WHERE topic = $1 AND partition = $2)
      AND position < coalesce((SELECT min(position) FROM log.offsets WHERE topic = $1 AND partition = $2), position + 1)
  ), deleted AS (
    DELETE FROM log.records WHERE topic = $1 AND partition = $2 AND position <= (SELECT position FROM past) RETURNING 1
  )
  SELECT (SELECT count(*) FROM deleted)::int AS count, (SELECT position FROM past) AS up_to`;

/**
 * Removes, slowly and on a timer, what is older than its topic's retention, and once an hour from compacted topics what was
 * overwritten longer ago than their lag: finding that reads all keys.
 */
export class Retention {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  #compactedMs = -Infinity;

  constructor(
    private readonly pool: Pool,
    private readonly topics: () => readonly Topic[],
    private readonly now: () => number,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.#timer = setInterval(() => (this.#running = this.#running.then(() => this.run())), EVERY_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  /** One pass over all partitions. A database that is away is tried again at the next one. */
  async run(): Promise<void> {
    try {
      for (const { declaration, partitions } of this.topics()) {
        if (declaration.retentionDays === undefined) continue;
        const beforeMs = this.now() - declaration.retentionDays * DAY_MS;
        for (const partition of partitions) await this.#clean(partition, beforeMs);
      }
      await this.#compactAll();
    } catch (error) {
      this.logger.warn({ error: String(error) }, 'Old records of the event log could not be deleted');
    }
  }

  async #compactAll(): Promise<void> {
    if (this.now() - this.#compactedMs < COMPACT_EVERY_MS) return;
    for (const { declaration, partitions } of this.topics()) {
      if (declaration.cleanup !== 'compact') continue;
      const beforeMs = this.now() - (declaration.compactionLagDays ?? 0) * DAY_MS;
      for (const partition of partitions) await compact(this.pool, partition, beforeMs, () => this.#stopped);
    }
    this.#compactedMs = this.now();
  }

  async #clean(partition: Partition, beforeMs: number): Promise<void> {
    for (let count = DELETED_AT_ONCE; count === DELETED_AT_ONCE && !this.#stopped;) {
      const { rows } = await this.pool.query<{ count: number; up_to: string | null }>({
        name: 'delete-some',
        text: DELETE_SOME,
        values: [partition.topicId, partition.number, beforeMs, DELETED_AT_ONCE],
      });
      count = rows[0]?.count ?? 0;
      if (rows[0]?.up_to) partition.earliest = Number(rows[0].up_to) + 1;
    }
  }
}
