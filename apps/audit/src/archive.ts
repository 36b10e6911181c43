import { channel } from 'node:diagnostics_channel';
import { moveCheckpoints, readCheckpoints, type Transactions } from '@switchhook/event-store';
import type { LogRecord } from '@switchhook/event-log';
import { insertRows, type ArchivedRow, type SourceIds } from './archive-tables.js';
import { SALT_BYTES, commitmentOf } from './commitment.js';
import type { DayPartitions } from './day-partitions.js';
import { describeRecord, type Description } from './describe-record.js';
import { ThreadShare } from './thread-share.js';
import type { ApplyToViews } from './views.js';

/** Where chaos runs end the process (docs/adr/0035). */
const ROWS_INSERTED = channel('switchhook.audit.rows-inserted');
const VIEWS_UPDATED = channel('switchhook.audit.views-updated');
const ARCHIVED = channel('switchhook.audit.archived');

export interface ArchiveDeps {
  readonly database: Transactions;
  /** Of the log that the records come from. */
  readonly identity: string;
  readonly sourceIds: SourceIds;
  readonly dayPartitions: DayPartitions;
  readonly applyToViews: ApplyToViews;
  readonly randomBytes: (bytes: number) => Buffer;
  /** Told of each record of our own topics that is not as we write them; it is archived without ids. */
  readonly onUnreadable: (record: LogRecord, fault: string) => void;
}

/** Most bytes of values in one transaction: what a batch costs in memory is a small multiple of it. */
export const TRANSACTION_BYTES = 4 * 1024 * 1024;

/** Records that are prepared before it is looked whether the thread is to be let go. */
const PREPARED_AT_ONCE = 25;

const CHECKPOINTS = { schema: 'audit', consumer: 'archive' };

interface Described extends Description {
  readonly record: LogRecord;
}

/** Another instance was at the same place: nothing of the transaction may stay. */
class PositionMovedError extends Error {}

/** Records in order, all of one topic and partition; at least one. */
export type Part = readonly LogRecord[];

/**
 * Archives `records` (in order, all of one topic and partition) and updates the views, each chunk in one transaction together
 * with the next position, which is moved by compare-and-set: however often a batch comes, and however many instances believe
 * the partition to be theirs, each record is archived once (correctness.md §7). Returns how many were new; they are on the disk
 * then, since a database that crashes must not lose what a group that goes on without it has passed.
 * Rejects, having archived nothing more, when the database does.
 */
export async function archiveRecords(deps: ArchiveDeps, records: readonly LogRecord[]): Promise<number> {
  let archived = 0;
  for (const chunk of chunksOf(records)) archived += (await archiveTogether(deps, [chunk]))[0] ?? 0;
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

/**
 * Archives parts of several partitions in one transaction, all or none. Returns how many records of each were new. Parts of
 * the same delivery that come together make one change of its row.
 */
export async function archiveTogether(deps: ArchiveDeps, parts: readonly Part[]): Promise<number[]> {
  for (;;) {
    const fresh = await freshOf(deps, parts);
    const present = fresh.filter(({ records }) => records.length > 0);
    if (present.length === 0) return fresh.map(() => 0);
    const share = new ThreadShare();
    const described: Described[] = [];
    const rows: ArchivedRow[] = [];
    for (const { records } of present) {
      const sourceId = await deps.sourceIds({ identity: deps.identity, ...records[0]! });
      for (let from = 0; from < records.length; from += PREPARED_AT_ONCE) {
        const some = describe(deps.identity, records.slice(from, from + PREPARED_AT_ONCE));
        described.push(...some);
        rows.push(...rowsOf(deps, sourceId, some));
        if (share.isUsed) await share.letOthers();
      }
    }
    await deps.dayPartitions(described.map(({ archived }) => archived.appendedAt));
    if (!(await writeTogether(deps, present, described, rows))) continue;
    for (const { record, fault } of described) if (fault !== undefined) deps.onUnreadable(record, fault);
    return fresh.map(({ records }) => records.length);
  }
}

interface Fresh {
  readonly from: number | null;
  readonly records: readonly LogRecord[];
}

/** What of each part is not archived yet. */
async function freshOf({ database, identity }: ArchiveDeps, parts: readonly Part[]): Promise<Fresh[]> {
  const positions = await readCheckpoints(
    database,
    { ...CHECKPOINTS, identity },
    parts.map((part) => part[0]!),
  );
  return parts.map((part, index) => {
    const from = positions[index] ?? null;
    return { from, records: from === null ? part : part.filter(({ position }) => position >= from) };
  });
}

const describe = (identity: string, records: readonly LogRecord[]): Described[] =>
  records.map((record) => ({ record, ...describeRecord(identity, record) }));

async function writeTogether(
  deps: ArchiveDeps,
  parts: readonly Fresh[],
  described: readonly Described[],
  rows: readonly ArchivedRow[],
): Promise<boolean> {
  const moves = parts.map(({ from, records }) => {
    const { topic, partition, position } = records.at(-1)!;
    return { topic, partition, from, to: position + 1 };
  });
  try {
    await deps.database.transaction(async (manager) => {
      // First, so that another instance at the same place waits here and then finds the position moved.
      const owner = { ...CHECKPOINTS, identity: deps.identity };
      if (!(await moveCheckpoints(manager, owner, moves))) throw new PositionMovedError();
      await insertRows(manager, rows);
      ROWS_INSERTED.publish(undefined);
      await deps.applyToViews(
        manager,
        described.map(({ archived }) => archived),
      );
      VIEWS_UPDATED.publish(undefined);
    });
    ARCHIVED.publish(undefined);
    return true;
  } catch (error) {
    if (error instanceof PositionMovedError) return false;
    throw error;
  }
}

function rowsOf({ randomBytes }: ArchiveDeps, sourceId: number, described: readonly Described[]): ArchivedRow[] {
  const salts = randomBytes(SALT_BYTES * described.length);
  return described.map(({ archived, payload, record }, index) => {
    const salt = salts.subarray(index * SALT_BYTES, (index + 1) * SALT_BYTES);
    return { archived, sourceId, key: record.key, payload, salt, commitment: commitmentOf(salt, record) };
  });
}
