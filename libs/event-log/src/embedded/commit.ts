import type { RecordHeaders } from '@switchhook/contracts';
import { DatabaseError, type QueryConfig } from 'pg';
import type { LogRecord, Place } from '../event-log.js';
import { bigints, byteas, smallints, texts } from './binary-arrays.js';
import type { NameTable, NamedPlace } from './name-table.js';
import type { Partition } from './partition.js';
import type { End } from './partitions.js';
import type { Move } from './progress.js';

/** A record that may be appended: measured, and its partition is chosen. */
export interface ReadyRecord {
  readonly partition: Partition;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
  readonly headersText: string;
  readonly bytes: number;
  /** In a part with `names`: appended only if this one is free. */
  readonly name?: string;
}

/** What goes into the log together, or not at all; but for records whose names are taken. */
export interface Part {
  readonly records: readonly ReadyRecord[];
  readonly moves: readonly Move[];
  readonly flush: boolean;
  readonly bytes: number;
  readonly names?: NameTable | undefined;
}

/** One transaction: the parts in it, with positions assigned. */
export interface Commit {
  readonly records: readonly LogRecord[];
  readonly ready: readonly ReadyRecord[];
  /** By part, then by its records: undefined where the name was taken. */
  readonly places: readonly (readonly (Place | undefined)[])[];
  readonly names: NameTable | undefined;
  readonly named: readonly NamedPlace[];
  readonly query: QueryConfig;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * A commit as it comes to be, part by part. Positions follow each other from `next` of each partition; times never fall within
 * one. Records whose name is `taken`, or was already used within the commit, are left out.
 */
export class CommitPlan {
  readonly #nexts = new Map<Partition, number>();
  readonly #records: LogRecord[] = [];
  readonly #ready: ReadyRecord[] = [];
  readonly #named = new Map<string, NamedPlace>();
  readonly #parts: Part[] = [];
  readonly #places: (readonly (Place | undefined)[])[] = [];

  constructor(
    private readonly nowMs: number,
    private readonly taken: ReadonlySet<string> = NONE,
  ) {}

  add(part: Part): void {
    this.#parts.push(part);
    this.#places.push(part.records.map((one) => this.#place(one)));
  }

  /** How many records it has. */
  get size(): number {
    return this.#records.length;
  }

  /** The records from number `from` on, as they will be in the log. */
  byPartition(from: number): Map<Partition, LogRecord[]> {
    const byPartition = new Map<Partition, LogRecord[]>();
    for (let index = from; index < this.size; index += 1) {
      const { partition } = this.#ready[index]!;
      const records = byPartition.get(partition);
      if (records) records.push(this.#records[index]!);
      else byPartition.set(partition, [this.#records[index]!]);
    }
    return byPartition;
  }

  commit(alsoMoves: readonly Move[]): Commit {
    const { nowMs } = this;
    const appended = { records: this.#records, ready: this.#ready };
    const moves = latest(this.#parts, alsoMoves);
    const named = [...this.#named.values()];
    const names = named.length > 0 ? this.#parts[0]?.names : undefined;
    const flush = this.#parts.some((part) => part.flush);
    const query = names ? namedQuery(names, { ...appended, named, moves, nowMs }) : queryFor(appended, moves, flush);
    return { ...appended, places: this.#places, names, named, query };
  }

  #place(one: ReadyRecord): Place | undefined {
    const { name, key, value, headers } = one;
    if (name !== undefined && (this.taken.has(name) || this.#named.has(name))) return undefined;
    const { topic, number: partition, next, lastAppendedAtMs } = one.partition;
    const position = this.#nexts.get(one.partition) ?? next;
    this.#nexts.set(one.partition, position + 1);
    const appendedAtMs = Math.max(this.nowMs, lastAppendedAtMs);
    this.#records.push({ topic, partition, position, appendedAtMs, key, value, headers });
    this.#ready.push(one);
    if (name !== undefined) this.#named.set(name, { name, partition, position });
    return { topic, partition, position };
  }
}

/** A commit of these parts and nothing else. */
export function planCommit(
  parts: readonly Part[],
  alsoMoves: readonly Move[],
  nowMs: number,
  taken?: ReadonlySet<string>,
): Commit {
  const plan = new CommitPlan(nowMs, taken);
  for (const part of parts) plan.add(part);
  return plan.commit(alsoMoves);
}

/** Whether `commit`, sent over a connection that is gone, arrived. One record tells: it is all or nothing. */
export function isThere({ records, ready }: Commit, ends: readonly End[]): boolean {
  const [record] = records;
  if (!record) return false; // moves alone: sending them again does no harm
  const { topicId } = ready[0]!.partition;
  return ends.some(
    (end) => end.topicId === topicId && end.partition === record.partition && end.next > record.position,
  );
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

const APPEND_MANY = `
  INSERT INTO log.records (topic, partition, position, appended_at_ms, key, value, headers)
  SELECT * FROM unnest($2::smallint[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[], $8::text[])`;
/** One record is the usual commit of a quiet hour, and costs both sides a seventh less without arrays. */
const APPEND_ONE = `
  INSERT INTO log.records (topic, partition, position, appended_at_ms, key, value, headers)
  VALUES ($2::smallint, $3::smallint, $4::bigint, $5::bigint, $6::bytea, $7::bytea, $8::text)`;
const moveFrom = (first: number): string => `
  INSERT INTO log.offsets (group_name, topic, partition, position)
  SELECT * FROM unnest($${first}::text[], $${first + 1}::smallint[], $${first + 2}::smallint[], $${first + 3}::bigint[])
  ON CONFLICT (group_name, topic, partition) DO UPDATE SET position = excluded.position`;
const moveOneFrom = (first: number): string => `
  INSERT INTO log.offsets (group_name, topic, partition, position)
  VALUES ($${first}::text, $${first + 1}::smallint, $${first + 2}::smallint, $${first + 3}::bigint)
  ON CONFLICT (group_name, topic, partition) DO UPDATE SET position = excluded.position`;
// The commit itself looks at this setting, and `true` ends it with the transaction.
const SETTING = `SELECT set_config('synchronous_commit', $1, true)`;

const STATEMENTS = {
  both: { name: 'append-and-move', text: `WITH appended AS (${APPEND_MANY}), moved AS (${moveFrom(9)}) ${SETTING}` },
  oneOfBoth: {
    name: 'append-and-move-one',
    text: `WITH appended AS (${APPEND_ONE}), moved AS (${moveOneFrom(9)}) ${SETTING}`,
  },
  append: { name: 'append', text: `WITH appended AS (${APPEND_MANY}) ${SETTING}` },
  appendOne: { name: 'append-one', text: `WITH appended AS (${APPEND_ONE}) ${SETTING}` },
  move: { name: 'move', text: `WITH moved AS (${moveFrom(2)}) ${SETTING}` },
} as const;

interface Appended {
  readonly records: readonly LogRecord[];
  readonly ready: readonly ReadyRecord[];
}

function queryFor({ records, ready }: Appended, moves: readonly Move[], flush: boolean): QueryConfig {
  const setting = flush ? 'on' : 'off';
  if (records.length === 0) return { ...STATEMENTS.move, values: [setting, ...movedValues(moves)] };
  if (records.length === 1 && moves.length <= 1) {
    const one = [setting, ...oneValues(records[0]!, ready[0]!)];
    const [move] = moves;
    if (!move) return { ...STATEMENTS.appendOne, values: one };
    return { ...STATEMENTS.oneOfBoth, values: [...one, move.group, move.topicId, move.partition, move.position] };
  }
  const appended = appendValues({ records, ready });
  if (moves.length === 0) return { ...STATEMENTS.append, values: [setting, ...appended] };
  return { ...STATEMENTS.both, values: [setting, ...appended, ...movedValues(moves)] };
}

const movedValues = (moves: readonly Move[]): Buffer[] => [
  texts(moves.map((move) => move.group)),
  smallints(moves.map((move) => move.topicId)),
  smallints(moves.map((move) => move.partition)),
  bigints(moves.map((move) => move.position)),
];

const appendValues = ({ records, ready }: Appended): Buffer[] => [
  smallints(ready.map((record) => record.partition.topicId)),
  smallints(records.map((record) => record.partition)),
  bigints(records.map((record) => record.position)),
  bigints(records.map((record) => record.appendedAtMs)),
  byteas(records.map((record) => record.key)),
  byteas(records.map((record) => record.value)),
  texts(ready.map((record) => record.headersText)),
];

const oneValues = ({ partition, position, appendedAtMs, key, value }: LogRecord, ready: ReadyRecord): unknown[] => [
  ready.partition.topicId,
  partition,
  position,
  appendedAtMs,
  key,
  value,
  ready.headersText,
];

/** What the server answers when a name was taken: the division below fails, and with it the transaction. */
const NAMES_TAKEN = '22012';

/** Whether the server refused `commit` because somebody has a name of it. */
export const hasTakenNames = (error: unknown, { names }: Commit): boolean =>
  names !== undefined && error instanceof DatabaseError && error.code === NAMES_TAKEN;

const FIRST_NAME_PARAMETER = 9;

interface Named extends Appended {
  readonly named: readonly NamedPlace[];
  readonly moves: readonly Move[];
  readonly nowMs: number;
}

/**
 * Appends records that bear names, and with them what they caused; all, or none when a name is taken: positions stay without
 * gaps. It always waits for the disk.
 */
function namedQuery(names: NameTable, { records, ready, named, moves, nowMs }: Named): QueryConfig {
  const count = FIRST_NAME_PARAMETER + names.parameterCount;
  const isOne = records.length === 1;
  const moved = moves.length > 0 ? `, moved AS (${moveFrom(count + 1)})` : '';
  return {
    name: `append-${names.id}${isOne ? '-one' : ''}${moved && '-and-move'}`,
    text: `WITH appended AS (${isOne ? APPEND_ONE : APPEND_MANY}), named AS (${names.insert(FIRST_NAME_PARAMETER)})${moved}
           ${SETTING}, 1 / (CASE WHEN (SELECT count(*) FROM named) = $${count}::bigint THEN 1 ELSE 0 END)`,
    values: [
      'on',
      ...(isOne ? oneValues(records[0]!, ready[0]!) : appendValues({ records, ready })),
      ...names.values(named, nowMs),
      named.length,
      ...(moved ? movedValues(moves) : []),
    ],
  };
}
