import type { RecordHeaders } from '@switchhook/contracts';
import type { QueryConfig } from 'pg';
import type { LogRecord, Place } from '../event-log.js';
import { bigints, byteas, smallints, texts } from './binary-arrays.js';
import type { Partition } from './partition.js';
import type { Move } from './progress.js';

/** A record that may be appended: measured, and its partition is chosen. */
export interface ReadyRecord {
  readonly partition: Partition;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
  readonly headersText: string;
  readonly bytes: number;
}

/** What goes into the log together, or not at all. */
export interface Part {
  readonly records: readonly ReadyRecord[];
  readonly moves: readonly Move[];
  readonly flush: boolean;
  readonly bytes: number;
}

/** One transaction: the parts in it, with positions assigned. */
export interface Commit {
  readonly records: readonly LogRecord[];
  readonly ready: readonly ReadyRecord[];
  readonly places: readonly (readonly Place[])[];
  readonly query: QueryConfig;
}

/** Positions follow each other from `next` of each partition; times never fall within one. */
export function planCommit(parts: readonly Part[], alsoMoves: readonly Move[], nowMs: number): Commit {
  const nexts = new Map<Partition, number>();
  const records: LogRecord[] = [];
  const ready = parts.flatMap((part) => part.records);
  for (const { partition, key, value, headers } of ready) {
    const position = nexts.get(partition) ?? partition.next;
    nexts.set(partition, position + 1);
    const appendedAtMs = Math.max(nowMs, partition.lastAppendedAtMs);
    records.push({ topic: partition.topic, partition: partition.number, position, appendedAtMs, key, value, headers });
  }
  let at = 0;
  const places = parts.map((part) =>
    records
      .slice(at, (at += part.records.length))
      .map(({ topic, partition, position }) => ({ topic, partition, position })),
  );
  const flush = parts.some((part) => part.flush);
  return { records, ready, places, query: queryFor(records, ready, latest(parts, alsoMoves), flush) };
}

/** One move per group and partition: the furthest. */
function latest(parts: readonly Part[], alsoMoves: readonly Move[]): Move[] {
  const furthest = new Map<string, Move>();
  for (const move of [...alsoMoves, ...parts.flatMap((part) => part.moves)]) {
    const name = `${move.topicId}/${move.partition}/${move.group}`;
    if (move.position >= (furthest.get(name)?.position ?? 0)) furthest.set(name, move);
  }
  return [...furthest.values()];
}

const APPEND = `
  INSERT INTO log.records (topic, partition, position, appended_at_ms, key, value, headers)
  SELECT * FROM unnest($2::smallint[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[], $8::text[])`;
const moveFrom = (first: number): string => `
  INSERT INTO log.offsets (group_name, topic, partition, position)
  SELECT * FROM unnest($${first}::text[], $${first + 1}::smallint[], $${first + 2}::smallint[], $${first + 3}::bigint[])
  ON CONFLICT (group_name, topic, partition) DO UPDATE SET position = excluded.position`;
// The commit itself looks at this setting, and `true` ends it with the transaction.
const SETTING = `SELECT set_config('synchronous_commit', $1, true)`;

const STATEMENTS = {
  both: { name: 'append-and-move', text: `WITH appended AS (${APPEND}), moved AS (${moveFrom(9)}) ${SETTING}` },
  append: { name: 'append', text: `WITH appended AS (${APPEND}) ${SETTING}` },
  move: { name: 'move', text: `WITH moved AS (${moveFrom(2)}) ${SETTING}` },
} as const;

function queryFor(
  records: readonly LogRecord[],
  ready: readonly ReadyRecord[],
  moves: readonly Move[],
  flush: boolean,
): QueryConfig {
  const setting = flush ? 'on' : 'off';
  const moved = [
    texts(moves.map((move) => move.group)),
    smallints(moves.map((move) => move.topicId)),
    smallints(moves.map((move) => move.partition)),
    bigints(moves.map((move) => move.position)),
  ];
  if (records.length === 0) return { ...STATEMENTS.move, values: [setting, ...moved] };
  const appended = [
    smallints(ready.map((record) => record.partition.topicId)),
    smallints(records.map((record) => record.partition)),
    bigints(records.map((record) => record.position)),
    bigints(records.map((record) => record.appendedAtMs)),
    byteas(records.map((record) => record.key)),
    byteas(records.map((record) => record.value)),
    texts(ready.map((record) => record.headersText)),
  ];
  if (moves.length === 0) return { ...STATEMENTS.append, values: [setting, ...appended] };
  return { ...STATEMENTS.both, values: [setting, ...appended, ...moved] };
}
