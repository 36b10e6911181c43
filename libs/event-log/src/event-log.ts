import type { HeaderValue, RecordHeaders } from '@switchhook/contracts';
import type { NameTable } from './embedded/name-table.js';

/**
 * The event log: append records to topics, read them in groups that share partitions. Two engines implement it, Kafka and
 * Postgres (embedded, one process); one conformance suite holds for both (event-log.conformance.ts).
 *
 * Topic names are those of the table in libs/contracts, without prefix. Positions are offsets: within a partition they
 * rise, not always by one. Records with the same key stay in the order in which they were published.
 */
export interface EventLog {
  /** `kafka:<cluster id>` or `embedded:<uuid>`. Stored positions belong to one identity (correctness.md §3). */
  readonly identity: string;

  /** Connects, creates missing topics where allowed. Waits (and says so) while the broker or database is not there yet. */
  start(): Promise<void>;

  /**
   * Appends the records, in order. Resolves when they are durable (Kafka: `acks=all`), with their places in the same
   * order. Rejects with `RecordTooLargeError` when one of `records` is over its topic's limit: then none of *this call's*
   * records is appended, and nobody else's is harmed. Rejects with `LogUnavailableError` when the log does not
   * acknowledge in time: the records may or may not be there.
   */
  publish(records: readonly OutgoingRecord[], options?: PublishOptions): Promise<Place[]>;

  /**
   * Only an engine that keeps its records in the database of `names` has this: appends, as `publish` with `flush`, each
   * record whose name is free, and gives it that name, in one transaction. The place of a record whose name was taken (also
   * by an earlier one of `records`) is undefined: it is not appended.
   */
  publishOnce?(records: readonly NamedRecord[], names: NameTable): Promise<(Place | undefined)[]>;

  /** Joins `group`. Resolves when the member has joined and got its partitions. */
  consume(options: ConsumeOptions): Promise<Consumer>;

  /**
   * Reads every partition of `topic` from its beginning, without a group, and goes on with what comes. `onRecords` is
   * called in order per partition; a rejected promise is retried with the same records. Used by directories.
   */
  follow(topic: string, onRecords: (records: readonly LogRecord[]) => void | Promise<void>): Promise<Follower>;

  /**
   * Reads one partition without a group, up to (not including) position `to`, which must not be beyond the end at the
   * time of the call. Yields batches; ends when `to` is reached, even when the last records before it were compacted away.
   */
  read(topic: string, partition: number, from: ReadFrom, to: number): AsyncIterable<readonly LogRecord[]>;

  /** The next position of each partition, by partition number. */
  ends(topic: string): Promise<number[]>;

  /**
   * By partition number: epoch ms at which the log took the first record that `group` has not stored as finished, so that it
   * may be handed on again; undefined where all are. A group that has stored nothing begins at the oldest record.
   */
  unfinishedSince(group: string, topic: string): Promise<(number | undefined)[]>;

  /** Readiness: false while the broker or database is away, a partition held or failing for over 30 s, or a consumer stale. */
  health(): EventLogHealth;

  /** Leaves groups, sends what is waiting, closes connections. Consumers are closed first. */
  close(): Promise<void>;
}

/** A log as operators handle it (`npm run topics`); services see an `EventLog`. */
export interface OperableLog extends EventLog {
  /** The stored progress of every group in every topic; nothing where a group has none. */
  groupPositions(): Promise<GroupPosition[]>;

  /**
   * Only an engine that keeps its records in a database with what came of them (embedded) has this, to be called before
   * anybody reads: what is appended from now on stands at these positions or behind. After a crash of the database a projection may
   * be further than the log: what it saw was not on the disk, and is made again from what it came of.
   */
  skipTo?(places: readonly Place[]): Promise<void>;

  /** Sets the next position by partition, forwards or back. Rejects while the group has members: stop its service first. */
  setGroupPositions(group: string, topic: string, positions: ReadonlyMap<number, number>): Promise<void>;
}

export interface GroupPosition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
}

export interface OutgoingRecord {
  readonly topic: string;
  readonly key: string | Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}

export interface NamedRecord {
  readonly name: string;
  readonly record: OutgoingRecord;
}

export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  /** Epoch ms at which the log took the record (LogAppendTime). */
  readonly appendedAtMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}

export type { HeaderValue, RecordHeaders };

export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
}

export interface PublishOptions {
  /**
   * Embedded engine: whether to wait for the disk. True (default) for what nothing else could make again: accepted events,
   * configuration. False for records derived from records that are still there. Kafka ignores it: always `acks=all`.
   */
  readonly flush?: boolean;
}

export interface ConsumeOptions {
  readonly group: string;
  /** All topics of one group are co-partitioned: partition n of each belongs to the same member. */
  readonly topics: readonly string[];
  readonly handle: BatchHandler;
  /** Only with `settle: 'batch'`: what needs no waiting may be handled before it is appended (docs/adr/0039). */
  readonly ahead?: HandleAhead;
  /**
   * `batch` (default): a batch is finished when `handle` resolves; what it returned is appended together with the
   * progress of the group (embedded: one transaction; Kafka: acknowledged first, the offset is committed later).
   * `record`: `handle` only takes the records; each is finished by `batch.settle(record)`, in any order, and progress is the
   * oldest unsettled record.
   */
  readonly settle?: 'batch' | 'record';
  /** Awaited before the first batch of partition n of any of the topics is handed on. Rejection is retried. */
  readonly onAssigned?: (partition: AssignedPartition) => Promise<void>;
  /**
   * Awaited for `graceMs` (3 s; up to 10 s when this member closes) before partition n goes to somebody else: finish or abort
   * what is under way. Records not settled by then are read again by the next owner.
   */
  readonly onRevoked?: (partition: number, graceMs: number) => Promise<void>;
  /** Not urgent: fetch much at a time, at most a second late (archive). */
  readonly lazy?: boolean;
  /** Of a `lazy` group: how long what has come waits for more, at most a second; default 100. Kafka ignores it: it looks every 0.9 s. */
  readonly lingerMs?: number;
  /** Most records in a batch; default 500. */
  readonly batchRecords?: number;
}

/**
 * Takes a batch and answers with the records that it caused. A rejection means: nothing happened, hand me the same batch
 * again after a pause (100 ms, doubling to 5 s, for ever); nothing behind it in the partition is handed on before it.
 * The handler may take as long as it likes: heartbeats go on beside it.
 */
export type BatchHandler = (batch: Batch) => Promise<readonly OutgoingRecord[] | void>;

/**
 * Says what records would cause, if that can be said at once: without waiting, and without any effect, since the records are
 * about to be appended but may not be. Undefined, or what it throws: hand them to `handle` when they are there. An engine that
 * has records, outputs and progress in one database (embedded) then appends all of it together; others never ask.
 */
export type HandleAhead = (batch: AheadBatch) => Ahead | undefined;

export interface AheadBatch {
  readonly topic: string;
  readonly partition: number;
  /** At least one, in order, all of this topic and partition, with the places that they will have. */
  readonly records: readonly LogRecord[];
  /** Whether they get their names as they are appended (`publishOnce`). */
  readonly areNamed: boolean;
}

export interface Ahead {
  readonly outputs: readonly OutgoingRecord[];
  /** Called when records and outputs are there: `handle` will not see these records. */
  appended(): void;
}

export interface Batch {
  readonly topic: string;
  readonly partition: number;
  /** At least one, in order, all of this topic and partition. */
  readonly records: readonly LogRecord[];
  /** Aborted when the partition is taken away or the consumer closes. */
  readonly signal: AbortSignal;
  /** Only with `settle: 'record'`. Idempotent; without effect once the partition is gone. */
  settle(record: LogRecord): void;
}

export interface AssignedPartition {
  readonly partition: number;
  /** By topic: the position of the first record that this member will be handed. */
  readonly starts: Readonly<Record<string, number>>;
  /** By topic: the next position at the time of the assignment. */
  readonly ends: Readonly<Record<string, number>>;
  readonly signal: AbortSignal;
  /**
   * False once the last heartbeat is so old that the partition may soon be somebody else's: then nothing may begin that
   * another owner would do again. It becomes true again, or `signal` is aborted. Cheap enough to be asked each time.
   */
  isSure(): boolean;
}

export interface Consumer {
  /** Partition numbers that this member has now. */
  assigned(): readonly number[];
  /** Records not yet handed on, by topic (as far as known). */
  lag(): Readonly<Record<string, number>>;
  /**
   * By topic: epoch ms at which the log took the oldest record that this member was handed, or is about to be, and has not
   * finished (to a second, never late); undefined where it has finished all.
   */
  oldestMs(): Readonly<Record<string, number | undefined>>;
  /** Stops taking, awaits `onRevoked` for each partition, stores the progress, leaves the group. */
  close(): Promise<void>;
}

export interface Follower {
  /** Resolves when the ends that the topic had when `follow` was called are reached. */
  readonly caughtUp: Promise<void>;
  /** Resolves when the ends that the topic has now are reached: what is not there then, is not there. */
  reachEnd(): Promise<void>;
  close(): Promise<void>;
}

export type ReadFrom = { readonly position: number } | { readonly timeMs: number };

export interface EventLogHealth {
  readonly ok: boolean;
  readonly reason?: string;
  /**
   * Liveness: why a new process is the way on. Only when reading hangs for over 30 s although the broker answers; never
   * because a broker or database is away.
   */
  readonly stuck?: string;
}
