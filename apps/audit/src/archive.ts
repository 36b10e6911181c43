import { moveCheckpoint, readCheckpoint } from '@switchhook/event-store';
import type { LogRecord } from '@switchhook/event-log';
import type { DataSource } from 'typeorm';
import { insertRows, type ArchivedRow, type SourceIds } from './archive-tables.js';
import { SALT_BYTES, commitmentOf } from './commitment.js';
import type { DayPartitions } from './day-partitions.js';
import { describeRecord, type Description } from './describe-record.js';
import type { ApplyToViews } from './views.js';

export interface ArchiveDeps {
  readonly database: DataSource;
  /** Of the log that the records come from. */
  readonly identity: string;
  readonly sourceIds: SourceIds;
  readonly dayPartitions: DayPartitions;
  readonly applyToViews: ApplyToViews;
  /**
   * Whether a commit waits for the disk. Needless where log and archive are one database: a crash then loses the group's
   * progress, which was written after them, before these rows. Elsewhere the progress could survive them.
   */
  readonly awaitDisk: boolean;
  readonly randomBytes: (bytes: number) => Buffer;
  /** Told of each record of our own topics that is not as we write them; it is archived without ids. */
  readonly onUnreadable: (record: LogRecord, fault: string) => void;
}

/** Most bytes of values in one transaction: what a batch costs in memory is a small multiple of it. */
const TRANSACTION_BYTES = 4 * 1024 * 1024;

const CONSUMER = 'archive';

interface Described extends Description {
  readonly record: LogRecord;
}

/**
 * Archives `records` (in order, all of one topic and partition) and updates the views, each chunk in one transaction together
 * with the next position, which is moved by compare-and-set: however often a batch comes, and however many instances believe
 * the partition to be theirs, each record is archived once (correctness.md §7). Returns how many were new.
 * Rejects, having archived nothing more, when the database does.
 */
export async function archiveRecords(deps: ArchiveDeps, records: readonly LogRecord[]): Promise<number> {
  let archived = 0;
  for (const chunk of chunksOf(records)) archived += await archiveChunk(deps, chunk);
  return archived;
}

function* chunksOf(records: readonly LogRecord[]): Iterable<readonly LogRecord[]> {
  let start = 0;
  let bytes = 0;
  for (const [index, record] of records.entries()) {
    bytes += record.value?.length ?? 0;
    if (bytes > TRANSACTION_BYTES && index > start) {
      yield records.slice(start, index);
      start = index;
      bytes = record.value?.length ?? 0;
    }
  }
  if (start < records.length) yield records.slice(start);
}

async function archiveChunk(deps: ArchiveDeps, chunk: readonly LogRecord[]): Promise<number> {
  const { database, identity } = deps;
  const { topic, partition } = chunk[0]!;
  const key = { schema: 'audit', consumer: CONSUMER, identity, topic, partition };
  for (;;) {
    const from = await readCheckpoint(database.manager, key);
    const fresh = from === null ? chunk : chunk.filter(({ position }) => position >= from);
    if (fresh.length === 0) return 0;
    const described = fresh.map((record) => ({ record, ...describeRecord(identity, record) }));
    const rows = await rowsOf(deps, described);
    const moved = await database.transaction(async (manager) => {
      const to = fresh.at(-1)!.position + 1;
      if (!deps.awaitDisk) await manager.query('SET LOCAL synchronous_commit = off');
      // First, so that another instance at the same place waits here and then finds the position moved.
      if (!(await moveCheckpoint(manager, { ...key, from, to }))) return false;
      await insertRows(manager, rows);
      await deps.applyToViews(
        manager,
        described.map(({ archived }) => archived),
      );
      return true;
    });
    if (!moved) continue;
    for (const { record, fault } of described) if (fault !== undefined) deps.onUnreadable(record, fault);
    return fresh.length;
  }
}

async function rowsOf(deps: ArchiveDeps, described: readonly Described[]): Promise<ArchivedRow[]> {
  await deps.dayPartitions(described.map(({ archived }) => archived.appendedAt));
  const sourceId = await deps.sourceIds(described[0]!.archived);
  const salts = deps.randomBytes(SALT_BYTES * described.length);
  return described.map(({ archived, payload, record }, index) => {
    const salt = salts.subarray(index * SALT_BYTES, (index + 1) * SALT_BYTES);
    return { archived, sourceId, key: record.key, payload, salt, commitment: commitmentOf(salt, record) };
  });
}
