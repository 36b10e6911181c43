import { channel } from 'node:diagnostics_channel';
import type { Queries } from '@switchhook/event-store';
import type { LogRecord } from '@switchhook/event-log';
import type { ArchivePositions, Move } from './archive-positions.js';
import { archiveInsertions, type ArchivedRow, type SourceIds } from './archive-tables.js';
import { SALT_BYTES, commitmentOf } from './commitment.js';
import type { DayPartitions } from './day-partitions.js';
import { describeRecord, type Description } from './describe-record.js';
import { ThreadShare } from './thread-share.js';
import type { Insertion } from './insertion.js';
import type { IntoViews } from './views.js';

/** Where chaos runs end the process (docs/adr/0035). */
const TO_ARCHIVE = channel('switchhook.audit.to-archive');
const ARCHIVED = channel('switchhook.audit.archived');

export interface ArchiveDeps {
  /** Prepared: the text is always the same, and to plan it anew costs as much as to run it. */
  readonly database: Queries;
  /** Of the log that the records come from. */
  readonly identity: string;
  readonly positions: ArchivePositions;
  readonly sourceIds: SourceIds;
  readonly dayPartitions: DayPartitions;
  readonly intoViews: IntoViews;
  readonly randomBytes: (bytes: number) => Buffer;
  /** Told of each record of our own topics that is not as we write them; it is archived without ids. */
  readonly onUnreadable: (record: LogRecord, fault: string) => void;
}

/** Most bytes of values in one statement: what a batch costs in memory is a small multiple of it. */
export const STATEMENT_BYTES = 4 * 1024 * 1024;

/** Records that are prepared before it is looked whether the thread is to be let go. */
const PREPARED_AT_ONCE = 25;

interface Described extends Description {
  readonly record: LogRecord;
}

/** Records in order, all of one topic and partition; at least one. */
export type Part = readonly LogRecord[];

/**
 * Archives `records` (in order, all of one topic and partition) and updates the views, each chunk in one statement together
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
    if (bytes > STATEMENT_BYTES && index > start) {
      yield records.slice(start, index);
      start = index;
      bytes = record.value?.length ?? 0;
    }
  }
  if (start < records.length) yield records.slice(start);
}

/**
 * Archives parts of several partitions (one of each) in one statement, all or none. Returns how many records of each were new. Parts of
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
  readonly from: number;
  readonly records: readonly LogRecord[];
}

/** What of each part is not archived yet. */
async function freshOf({ positions }: ArchiveDeps, parts: readonly Part[]): Promise<Fresh[]> {
  const nexts = await positions.of(parts);
  return parts.map((part, index) => {
    const from = nexts[index]!;
    return { from, records: part.filter(({ position }) => position >= from) };
  });
}

const describe = (identity: string, records: readonly LogRecord[]): Described[] =>
  records.map((record) => ({ record, ...describeRecord(identity, record) }));

/** False, having written nothing, when another instance was at one of the places. */
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
  const intoViews = await deps.intoViews(described.map(({ archived }) => archived));
  // Until it is known what became of it.
  deps.positions.forget(moves);
  TO_ARCHIVE.publish(undefined);
  if (!(await writeAtOnce(deps, moves, [...archiveInsertions(rows), ...intoViews]))) return false;
  deps.positions.remember(moves);
  ARCHIVED.publish(undefined);
  return true;
}

/** Everything in one statement, which is a transaction of its own (docs/adr/0046). */
async function writeAtOnce(
  { database, positions }: ArchiveDeps,
  moves: readonly Move[],
  insertions: readonly Insertion[],
): Promise<boolean> {
  const { tables, holds, values } = positions.moved(moves);
  const parameters = [...values];
  const inserts = insertions.map((insertion, index) => {
    const first = parameters.length + 1;
    parameters.push(...insertion.values);
    return `insert_${index} AS (${insertion.sql(first, holds)})`;
  });
  const text = `WITH ${[...tables, ...inserts].join(',\n')} SELECT ${holds} AS written`;
  const [row] = await database.query<{ written: boolean }[]>(text, parameters);
  return row!.written;
}

function rowsOf({ randomBytes }: ArchiveDeps, sourceId: number, described: readonly Described[]): ArchivedRow[] {
  const salts = randomBytes(SALT_BYTES * described.length);
  return described.map(({ archived, payload, record }, index) => {
    const salt = salts.subarray(index * SALT_BYTES, (index + 1) * SALT_BYTES);
    return { archived, sourceId, key: record.key, payload, salt, commitment: commitmentOf(salt, record) };
  });
}
