import type { NameTable, NamedPlace } from '@switchhook/event-log';
import type { Queries } from '@switchhook/event-store';

/** One event of a batch: its name, and its position in the partition that the batch is from. */
export interface NamedPosition {
  readonly eventKey: string;
  readonly position: number;
}

export interface NamedBatch {
  readonly partition: number;
  /** Everything before it in the partition has been worked off, its consequences acknowledged. */
  readonly finishedBefore: number;
  /** In the order of their positions, all of one partition. */
  readonly events: readonly NamedPosition[];
  readonly nowMs: number;
}

export interface AcceptedNamesOptions {
  /** Identity of the log (correctness.md §3): a position means nothing on another one. */
  readonly identity: string;
  readonly topic: string;
  /**
   * Whether a name waits for the disk. Not with the embedded log: there names and derived records are in one WAL, so a
   * crash loses a suffix of both, and the event, which did wait, makes them again.
   */
  readonly durable: boolean;
}

interface WinnerRow {
  readonly event_key: string;
  readonly log_id: number;
  readonly partition: number;
  readonly position: string;
}

const HOUR_MS = 3_600_000;
/** Between two writes of a partition's watermark: what lies between it and the truth is told by the names. */
const WATERMARK_EVERY_MS = 1_000;
const DELETE_ROWS = 1_000;
/** Most events whose names are remembered as given: more are under way only while ingestion stands. */
const GIVEN_MAX = 100_000;

// set_config in the statement that writes: no transaction of several statements, no connection of our own.
const INSERT = `
  INSERT INTO ingestion.accepted_names (event_key, log_id, partition, position, hour)
  SELECT t.event_key, $3, $4, t.position, $5
  FROM (SELECT set_config('synchronous_commit', $6, true)) AS durability, unnest($1::uuid[], $2::bigint[]) AS t(event_key, position)
  ON CONFLICT DO NOTHING
  RETURNING event_key`;

const watermark = (logId: string, partition: string, position: string): string => `
  INSERT INTO ingestion.watermarks (log_id, partition, position) VALUES (${logId}, ${partition}, ${position})
  ON CONFLICT (log_id, partition) DO UPDATE SET position = excluded.position
  WHERE watermarks.position < excluded.position`;
const MOVE_WATERMARK = watermark('$1', '$2', '$3');
const INSERT_WITH_WATERMARK = `WITH watermark AS (${watermark('$3', '$4', '$7')}) ${INSERT}`;

// Name by name, each in its one partition: with `= ANY` every partition is searched for every name, 40 ms for 500 of them.
const WINNERS = `
  SELECT winner.event_key, winner.log_id, winner.partition, winner.position
  FROM unnest($1::uuid[]) AS asked(event_key)
  CROSS JOIN LATERAL (SELECT * FROM ingestion.accepted_names n WHERE n.event_key = asked.event_key LIMIT 1) AS winner`;

/** Of one name its one partition is known before the statement runs. */
const KNOWN_ONE = 'SELECT 1 FROM ingestion.accepted_names WHERE event_key = $1';

/**
 * The names of accepted events (correctness.md §1): who is first with a name has it, wherever else it turns up. Marking
 * comes before producing and the winner's own position wins again, so a crash between the two neither loses nor repeats.
 */
export class AcceptedNames implements NameTable {
  readonly id = 'event-names';
  readonly parameterCount = 5;
  /** `partition:position` of events that got their names as they were appended, until they are worked off. */
  readonly #given = new Set<string>();
  readonly #watermarks = new Map<number, number>();
  readonly #watermarkWrittenAt = new Map<number, number>();

  private constructor(
    private readonly database: Queries,
    private readonly logId: number,
    private readonly durable: boolean,
  ) {}

  /** The names as seen from one topic of one log. The tables must be there. */
  static async open(database: Queries, options: AcceptedNamesOptions): Promise<AcceptedNames> {
    const [row] = await database.query<{ id: number }[]>(
      `INSERT INTO ingestion.logs (identity, topic) VALUES ($1, $2)
       ON CONFLICT (identity, topic) DO UPDATE SET topic = excluded.topic RETURNING id`,
      [options.identity, options.topic],
    );
    if (!row) throw new Error('The log has no number');
    return new AcceptedNames(database, row.id, options.durable);
  }

  /**
   * For each event of the batch, in its order, whether it is to be processed: its name was free, or was given to this very
   * position before (a re-read). False is a duplicate. One statement when all names are free, else two.
   */
  async accept(batch: NamedBatch): Promise<boolean[]> {
    if (this.#takeGiven(batch)) {
      await this.#moveWatermark(batch);
      return batch.events.map(() => true);
    }
    const winners = await this.#insert(batch);
    const taken = [...winners].filter(([, position]) => position === null).map(([eventKey]) => eventKey);
    if (taken.length > 0) await this.#readWinners(taken, batch.partition, winners);
    return batch.events.map(({ eventKey, position }) => winners.get(eventKey) === position);
  }

  /** As `accept` writes them, for events of this log that are being appended: parameters are names, positions, partitions. */
  insert(first: number): string {
    return `
      INSERT INTO ingestion.accepted_names (event_key, log_id, partition, position, hour)
      SELECT t.event_key, $${first + 3}, t.partition, t.position, $${first + 4}
      FROM unnest($${first}::uuid[], $${first + 1}::bigint[], $${first + 2}::integer[]) AS t(event_key, position, partition)
      ON CONFLICT DO NOTHING
      RETURNING 1`;
  }

  values(named: readonly NamedPlace[], nowMs: number): unknown[] {
    // In one order everywhere, as in `accept`.
    const sorted = named.length > 1 ? [...named].sort((a, b) => (a.name < b.name ? -1 : 1)) : named;
    return [
      sorted.map(({ name }) => name),
      sorted.map(({ position }) => position),
      sorted.map(({ partition }) => partition),
      this.logId,
      hourOf(nowMs),
    ];
  }

  taken(names: readonly string[]): Promise<ReadonlySet<string>> {
    return this.known(names);
  }

  given(named: readonly NamedPlace[]): void {
    // What is not remembered is looked up in the table, as after a restart.
    if (this.#given.size > GIVEN_MAX) this.#given.clear();
    for (const { partition, position } of named) this.#given.add(`${partition}:${position}`);
  }

  /**
   * All events of the batch got their names as they were appended, and are worked off: `accept` will not be asked. Resolves
   * when that is stored, which is not urgent: what a watermark does not tell, the names do.
   */
  async workedOff(batch: NamedBatch): Promise<void> {
    this.#takeGiven(batch);
    await this.#moveWatermark(batch);
  }

  /** Which of `eventKeys` are known. */
  async known(eventKeys: readonly string[]): Promise<ReadonlySet<string>> {
    if (eventKeys.length === 1) {
      const found = await this.database.query<unknown[]>(KNOWN_ONE, [eventKeys[0]]);
      return new Set(found.length > 0 ? eventKeys : []);
    }
    const rows = await this.database.query<WinnerRow[]>(WINNERS, [eventKeys]);
    return new Set(rows.map((row) => row.event_key));
  }

  /** Reads how far `partition` is worked off, when it is assigned to us: another member may have moved it meanwhile. */
  async loadWatermark(partition: number): Promise<number> {
    const [row] = await this.database.query<{ position: string }[]>(
      'SELECT position FROM ingestion.watermarks WHERE log_id = $1 AND partition = $2',
      [this.logId, partition],
    );
    const position = row ? Number(row.position) : 0;
    this.#watermarks.set(partition, position);
    return position;
  }

  /** The watermark that was loaded at the assignment of `partition`; 0 when there was none. */
  watermark(partition: number): number {
    return this.#watermarks.get(partition) ?? 0;
  }

  /** Deletes names given before `keptHours` ago, in small statements; answers with how many there were. */
  async deleteOld(nowMs: number, keptHours: number): Promise<number> {
    const before = hourOf(nowMs) - keptHours;
    let deleted = 0;
    for (;;) {
      const rows = await this.database.query<unknown[]>(
        `WITH deleted AS (
           DELETE FROM ingestion.accepted_names WHERE event_key IN (
             SELECT event_key FROM ingestion.accepted_names WHERE hour < $1 LIMIT ${DELETE_ROWS} FOR UPDATE SKIP LOCKED
           ) RETURNING 1
         ) SELECT 1 FROM deleted`,
        [before],
      );
      deleted += rows.length;
      if (rows.length < DELETE_ROWS) return deleted;
    }
  }

  /** By name: the position that won it here, null where it was given away before. */
  async #insert({ partition, finishedBefore, events, nowMs }: NamedBatch): Promise<Map<string, number | null>> {
    const winners = new Map<string, number | null>();
    for (const { eventKey, position } of events) if (!winners.has(eventKey)) winners.set(eventKey, position);
    // In one order everywhere: two batches that share names wait for each other, never in a circle.
    const eventKeys = [...winners.keys()].sort();
    const positions = eventKeys.map((eventKey) => winners.get(eventKey));
    const moves = this.#watermarkIsDue(partition, finishedBefore, nowMs);
    const parameters = [eventKeys, positions, this.logId, partition, hourOf(nowMs), this.durable ? 'on' : 'off'];
    const rows = await this.database.query<{ event_key: string }[]>(
      moves ? INSERT_WITH_WATERMARK : INSERT,
      moves ? [...parameters, finishedBefore] : parameters,
    );
    if (moves) this.#watermarkWrittenAt.set(partition, nowMs);
    if (rows.length === eventKeys.length) return winners;
    const free = new Set(rows.map((row) => row.event_key));
    for (const eventKey of eventKeys) if (!free.has(eventKey)) winners.set(eventKey, null);
    return winners;
  }

  async #readWinners(taken: readonly string[], partition: number, winners: Map<string, number | null>): Promise<void> {
    const rows = await this.database.query<WinnerRow[]>(WINNERS, [taken]);
    // A name that was taken and is gone was deleted for its age this very moment: the next try finds it free.
    if (rows.length < taken.length) throw new Error(`${taken.length - rows.length} names were deleted meanwhile`);
    for (const row of rows) {
      const here = row.log_id === this.logId && row.partition === partition;
      winners.set(row.event_key, here ? Number(row.position) : null);
    }
  }

  /** Whether all events of the batch got their names as they were appended; asked once. */
  #takeGiven({ partition, events }: NamedBatch): boolean {
    if (this.#given.size === 0) return false;
    let all = true;
    for (const { position } of events) all = this.#given.delete(`${partition}:${position}`) && all;
    return all;
  }

  async #moveWatermark({ partition, finishedBefore, nowMs }: NamedBatch): Promise<void> {
    if (!this.#watermarkIsDue(partition, finishedBefore, nowMs)) return;
    this.#watermarkWrittenAt.set(partition, nowMs);
    await this.database.query(MOVE_WATERMARK, [this.logId, partition, finishedBefore]);
  }

  #watermarkIsDue(partition: number, finishedBefore: number, nowMs: number): boolean {
    if (finishedBefore === 0) return false;
    return nowMs - (this.#watermarkWrittenAt.get(partition) ?? 0) >= WATERMARK_EVERY_MS;
  }
}

const hourOf = (timeMs: number): number => Math.floor(timeMs / HOUR_MS);
