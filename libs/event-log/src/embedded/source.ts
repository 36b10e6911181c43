import type { Pool } from 'pg';
import type { ConsumeOptions, LogRecord } from '../event-log.js';
import type { Logger } from '../logger.js';
import { pause } from '../backoff.js';
import type { Partition } from './partition.js';
import { headersFromText } from './record-text.js';

/** How much a reader takes at a time, and how long it waits for more of it. */
export interface Appetite {
  readonly records: number;
  readonly bytes: number;
  /** For `lazy`: waits up to so long until `bytes` are there. */
  readonly lingerMs: number;
}

/** Where somebody is in a partition. */
export interface Reader {
  readonly position: number;
  /** There is nothing before this position. */
  skipTo(position: number): void;
}

const RETRY_MS = 250;
/** What is taken at once where nothing else is said. */
export const USUAL: Appetite = { records: 500, bytes: 1024 * 1024, lingerMs: 0 };
/** Long enough to spare a reader most of its turns; what gathers for a second holds the one thread up for 5 to 40 ms at a time. */
const LAZY = { bytes: 2 * 1024 * 1024, lingerMs: 100 };

/** What a group takes at once. */
export const appetiteOf = ({ lazy, lingerMs, batchRecords }: ConsumeOptions): Appetite => ({
  ...USUAL,
  ...(lazy && { ...LAZY, ...(lingerMs !== undefined && { lingerMs }) }),
  ...(batchRecords !== undefined && { records: batchRecords }),
});

const ONE: Appetite = { records: 1, bytes: 1, lingerMs: 0 };

/** Rows up to the byte limit, and at least one. Sizes are known without fetching what lies in TOAST. */
const CHUNK = `
  SELECT position, appended_at_ms, key, headers, value FROM (
    SELECT *, sum(coalesce(octet_length(value), 0) + octet_length(headers)) OVER (ORDER BY position) AS bytes,
           row_number() OVER (ORDER BY position) AS number
    FROM (SELECT * FROM log.records WHERE topic = $1 AND partition = $2 AND position >= $3 AND position < $4
          ORDER BY position LIMIT $5) AS candidates
  ) AS measured
  WHERE bytes <= $6 OR number = 1 ORDER BY position`;

interface RecordRow {
  position: string;
  appended_at_ms: string;
  key: Buffer | null;
  headers: string;
  value: Buffer | null;
}

/** Reads records by position: from memory when they are there, else from the database, a chunk at a time. */
export class RecordSource {
  constructor(
    private readonly pool: Pool,
    private readonly logger: Logger,
  ) {}

  /**
   * The next records from where the reader is, which may move on while it waits; waits for them. Empty only when `signal` is
   * aborted; whoever aborts it wakes the partition then (a listener on the signal for each wait would cost more than the wait).
   */
  async take(partition: Partition, reader: Reader, appetite: Appetite, signal: AbortSignal): Promise<LogRecord[]> {
    while (!signal.aborted) {
      const { position } = reader;
      if (position >= partition.next) {
        await nextCommit(partition);
        continue;
      }
      if (appetite.lingerMs > 0) await fill(partition, position, appetite, signal);
      if (signal.aborted) break;
      if (position >= partition.tailStart) return partition.fromTail(position, appetite.records, appetite.bytes);
      const to = partition.tailStart;
      const records = await this.#fromDatabase(partition, position, to, appetite, signal);
      if (records.length > 0) return records;
      // Everything before the tail is gone (retention), or was never there: go on there.
      reader.skipTo(to);
    }
    return [];
  }

  /** Epoch ms at which the log took the first record from `from` on; undefined where there is none. */
  async timeFrom(partition: Partition, from: number): Promise<number | undefined> {
    if (from >= partition.next) return undefined;
    const [first] = await this.chunk(partition, from, partition.next, ONE);
    return first?.appendedAtMs;
  }

  /** The records from `from` to before `to` that the database has, one chunk of them. Throws when it is away. */
  async chunk(partition: Partition, from: number, to: number, appetite: Appetite): Promise<LogRecord[]> {
    const { rows } = await this.pool.query<RecordRow>({
      name: 'chunk',
      text: CHUNK,
      values: [partition.topicId, partition.number, from, to, appetite.records, appetite.bytes],
    });
    return rows.map((row) => ({
      topic: partition.topic,
      partition: partition.number,
      position: Number(row.position),
      appendedAtMs: Number(row.appended_at_ms),
      key: row.key,
      value: row.value,
      headers: headersFromText(row.headers),
    }));
  }

  /** The first position whose record was appended at `timeMs` or later; `next` when there is none. */
  async positionAt(partition: Partition, timeMs: number): Promise<number> {
    let low = partition.earliest;
    let high = partition.next;
    // Times never fall within a partition, so halving finds it without an index.
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const { rows } = await this.pool.query<{ appended_at_ms: string }>({
        name: 'time-of',
        text: `SELECT appended_at_ms FROM log.records WHERE topic = $1 AND partition = $2 AND position >= $3
               ORDER BY position LIMIT 1`,
        values: [partition.topicId, partition.number, middle],
      });
      if (rows[0] && Number(rows[0].appended_at_ms) < timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async #fromDatabase(
    partition: Partition,
    from: number,
    to: number,
    appetite: Appetite,
    signal: AbortSignal,
  ): Promise<LogRecord[]> {
    while (!signal.aborted) {
      try {
        return await this.chunk(partition, from, to, appetite);
      } catch (error) {
        this.logger.debug(
          { error: String(error), topic: partition.topic },
          'Reading the event log failed; trying again',
        );
        await pause(RETRY_MS, signal);
      }
    }
    return [];
  }
}

/** Or whoever gives the wait up wakes the partition. */
const nextCommit = (partition: Partition): Promise<void> => new Promise((resolve) => partition.onNext(resolve));

/** Waits until as much is there as the reader would take at once, or its patience is over. */
async function fill(partition: Partition, position: number, appetite: Appetite, signal: AbortSignal): Promise<void> {
  const enough = new AbortController();
  const stop = (): void => enough.abort();
  const check = (): void => {
    const isFull = partition.bytesFrom(position) >= appetite.bytes || partition.next - position >= appetite.records;
    if (isFull) stop();
    else partition.onNext(check);
  };
  check();
  signal.addEventListener('abort', stop);
  await pause(appetite.lingerMs, enough.signal);
  signal.removeEventListener('abort', stop);
  partition.forget(check);
}
