import { channel } from 'node:diagnostics_channel';
import { moveCheckpoint, readCheckpoint } from '@switchhook/event-store';
import type { DataSource } from 'typeorm';
import type { AttemptIds } from '@switchhook/contracts';
import { readAttemptIds } from '@switchhook/domain';
import type { ScheduleChange, ScheduleRow } from './schedule-row.js';

/** Where chaos runs end the process (docs/adr/0035). */
const ROWS_TO_COMMIT = channel('switchhook.delivery.rows-to-commit');
const ROWS_WRITTEN = channel('switchhook.delivery.rows-written');

/** Identifies the stored position of the projection of one partition of the outcomes. */
export interface SchedulePosition {
  readonly identity: string;
  readonly topic: string;
  readonly partition: number;
}

export interface DueRows {
  readonly partitions: readonly number[];
  readonly now: number;
  /** Deliveries that were released already and whose outcome is not known yet. */
  readonly released: readonly string[];
  readonly limit: number;
}

const CHECKPOINT = { schema: 'delivery', consumer: 'schedule' };

/** The table of attempts that wait, a projection of the outcomes (correctness.md §4). SQL lives here and nowhere else. */
export class Schedule {
  constructor(private readonly database: DataSource) {}

  /** The next outcome position that the projection of this partition has not seen; null before it has seen any. */
  async position(at: SchedulePosition): Promise<number | null> {
    return readCheckpoint(this.database.manager, { ...CHECKPOINT, ...at });
  }

  /**
   * Applies changes, in order, and moves the position from `from` to `to` in one transaction. False when the position was
   * not at `from`: somebody else owns the partition now, and nothing was changed.
   *
   * It need not wait for the disk: rows and position are lost together or not at all, and the outcomes make them again.
   */
  async apply(
    at: SchedulePosition,
    from: number | null,
    to: number,
    changes: readonly ScheduleChange[],
  ): Promise<boolean> {
    ROWS_TO_COMMIT.publish(undefined);
    if (from === null) return this.applyFirst(at, to, changes);
    const { rows, removed } = lastOf(changes);
    const [moved]: { moved: boolean }[] = await this.database.query(
      `with pace as (select set_config('synchronous_commit', 'off', true)),
       moved as (update delivery.checkpoints set position = $5
                  where consumer = $1 and identity = $2 and topic = $3 and partition = $4 and position = $6 returning 1),
       put as (${putting(7, 'where exists (select from moved)')}),
       removed as (${removing(19, 'exists (select from moved) and')})
       select exists (select from moved) as moved from pace`,
      [CHECKPOINT.consumer, at.identity, at.topic, at.partition, to, from, ...columnsOf(rows), ...keysOf(removed)],
    );
    ROWS_WRITTEN.publish(undefined);
    return moved?.moved === true;
  }

  private async applyFirst(at: SchedulePosition, to: number, changes: readonly ScheduleChange[]): Promise<boolean> {
    return this.database.transaction(async (manager) => {
      if (!(await moveCheckpoint(manager, { ...CHECKPOINT, ...at, from: null, to }))) return false;
      const { rows, removed } = lastOf(changes);
      if (rows.length > 0) await manager.query(putting(1), columnsOf(rows));
      if (removed.length > 0) await manager.query(removing(1), keysOf(removed));
      return true;
    });
  }

  /** Rows that are due, oldest first; parked ones are not among them. Partition by partition, as the index has them: never all that wait. */
  async due({ partitions, now, released, limit }: DueRows): Promise<ScheduleRow[]> {
    const rows: StoredRow[] = await this.database.query(
      `select due.* from unnest($1::int[]) as owned(partition) cross join lateral (
         select * from delivery.schedule
          where partition = owned.partition and due_at <= $2 and delivery_id <> all($3::uuid[])
          order by due_at limit $4
       ) due order by due.due_at limit $4`,
      [partitions, now, released, limit],
    );
    return rows.map(fromRow);
  }

  /** Parked rows of one webhook, in the order in which they were parked. */
  async parked(
    partition: number,
    webhookId: number,
    released: readonly string[],
    limit: number,
  ): Promise<ScheduleRow[]> {
    const rows: StoredRow[] = await this.database.query(
      `select * from delivery.schedule
        where partition = $1 and webhook_id = $2 and due_at is null and delivery_id <> all($3::uuid[])
        order by position limit $4`,
      [partition, webhookId, released, limit],
    );
    return rows.map(fromRow);
  }

  /** Parked rows of one webhook that are in no order, although the webhook keeps the order of subjects. */
  async parkedWithoutPlace(
    partition: number,
    webhookId: number,
    released: readonly string[],
    limit: number,
  ): Promise<ScheduleRow[]> {
    const rows: StoredRow[] = await this.database.query(
      `select * from delivery.schedule
        where partition = $1 and webhook_id = $2 and due_at is null and subject is null and delivery_id <> all($3::uuid[])
        order by position limit $4`,
      [partition, webhookId, released, limit],
    );
    return rows.map(fromRow);
  }

  /** The subjects that have rows in this partition, for webhooks that keep their order. */
  async subjects(partition: number): Promise<{ webhookId: number; subject: string }[]> {
    const rows: { webhook_id: string; subject: string }[] = await this.database.query(
      `select distinct webhook_id, subject from delivery.schedule where partition = $1 and subject is not null`,
      [partition],
    );
    return rows.map((row) => ({ webhookId: Number(row.webhook_id), subject: row.subject }));
  }

  /** Of each of these subjects the row that comes first in its order, due or not. */
  async firstOfSubjects(webhookId: number, subjects: readonly string[]): Promise<Map<string, ScheduleRow>> {
    const rows: StoredRow[] = await this.database.query(
      `select s.* from unnest($2::text[]) as wanted(subject) cross join lateral (
         select * from delivery.schedule where webhook_id = $1 and subject = wanted.subject order by sequence limit 1
       ) s`,
      [webhookId, subjects],
    );
    return new Map(rows.map((row) => [row.subject ?? '', fromRow(row)]));
  }

  /** Rows that are due but whose lane is full wait with the parked ones of their webhook. */
  async park(rows: readonly ScheduleRow[]): Promise<void> {
    await this.database.query(
      `update delivery.schedule s set due_at = null
         from unnest($1::uuid[], $2::int[], $3::int[]) as r(delivery_id, run, number)
        where s.delivery_id = r.delivery_id and s.run = r.run and s.number = r.number`,
      [rows.map(({ ids }) => ids.deliveryId), rows.map(({ ids }) => ids.run), rows.map(({ ids }) => ids.number)],
    );
  }

  /** Webhooks that have parked rows in this partition; from one to the next in the index, however many rows each has. */
  async parkedWebhooks(partition: number): Promise<number[]> {
    const rows: { webhook_id: string }[] = await this.database.query(
      `with recursive found as (
         (select webhook_id from delivery.schedule where partition = $1 and due_at is null order by webhook_id limit 1)
         union all
         select (select webhook_id from delivery.schedule
                  where partition = $1 and due_at is null and webhook_id > found.webhook_id order by webhook_id limit 1)
           from found where found.webhook_id is not null)
       select webhook_id from found where webhook_id is not null`,
      [partition],
    );
    return rows.map((row) => Number(row.webhook_id));
  }

  /** When the earliest row of these partitions is due, epoch ms; null when none waits for a time. */
  async earliest(partitions: readonly number[], released: readonly string[]): Promise<number | null> {
    const rows: { due_at: string | null }[] = await this.database.query(
      `select min(first.due_at) as due_at from unnest($1::int[]) as owned(partition) cross join lateral (
         select due_at from delivery.schedule
          where partition = owned.partition and due_at is not null and delivery_id <> all($2::uuid[])
          order by due_at limit 1
       ) first`,
      [partitions, released],
    );
    const dueAt = rows[0]?.due_at ?? null;
    return dueAt === null ? null : Number(dueAt);
  }

  /** How many attempts wait in these partitions: a scan, on one core, since the others are for those who deliver. */
  async count(partitions: readonly number[]): Promise<number> {
    return this.database.transaction(async (manager) => {
      await manager.query('set local max_parallel_workers_per_gather = 0');
      const rows: { count: string }[] = await manager.query(
        'select count(*) from delivery.schedule where partition = any($1::int[])',
        [partitions],
      );
      return Number(rows[0]?.count ?? 0);
    });
  }
}

interface StoredRow {
  readonly partition: number;
  readonly due_at: string | null;
  readonly position: string;
  readonly headers: string;
  readonly data: Buffer;
  readonly number: number;
  readonly deferrals: number;
  readonly subject: string | null;
  readonly sequence: string | null;
}

function fromRow(row: StoredRow): ScheduleRow {
  const headers = JSON.parse(row.headers) as Record<string, string>;
  const ids: AttemptIds = { ...readAttemptIds(headers), number: row.number, deferrals: row.deferrals };
  return {
    ids,
    partition: row.partition,
    dueAt: row.due_at === null ? null : Number(row.due_at),
    position: Number(row.position),
    headers,
    data: row.data,
    ...(row.subject !== null && { place: { subject: row.subject, sequence: Number(row.sequence) } }),
  };
}

type Removal = Extract<ScheduleChange, { kind: 'remove' }>;

/**
 * The last change of each run counts, but a row is never replaced by one of an earlier attempt, or of the same that had been put
 * off less often. Such an outcome comes late when a former owner of the partition could not reach the log for a while. Its row
 * would be requested, dropped as done, and requested again, for ever.
 */
function lastOf(changes: readonly ScheduleChange[]): { rows: ScheduleRow[]; removed: Removal[] } {
  const last = new Map<string, ScheduleChange>();
  for (const change of changes) {
    if (change.kind === 'put') {
      const key = `${change.row.ids.deliveryId}/${change.row.ids.run}`;
      if (!isOverBy(last.get(key), change.row)) last.set(key, change);
    }
    if (change.kind === 'remove') last.set(`${change.deliveryId}/${change.run}`, change);
  }
  const all = [...last.values()];
  const rows = all.flatMap((change) => (change.kind === 'put' ? [change.row] : []));
  return { rows, removed: all.filter((change) => change.kind === 'remove') };
}

/** Whether what is known already is of a later attempt, or of the same put off more often: what two owners made comes in any order. */
const isOverBy = (known: ScheduleChange | undefined, { ids }: ScheduleRow): boolean =>
  known?.kind === 'put' &&
  (known.row.ids.number > ids.number ||
    (known.row.ids.number === ids.number && known.row.ids.deferrals > ids.deferrals));

/** The statement that stores rows, its parameters `$first` and so on; a row is never replaced by one that says less. */
function putting(first: number, where = ''): string {
  const types = ['uuid', 'int', 'int', 'int', 'int', 'bigint', 'bigint', 'bigint', 'text', 'bytea', 'text', 'bigint'];
  const columns = types.map((type, index) => `$${first + index}::${type}[]`).join(', ');
  return `insert into delivery.schedule as s
       (delivery_id, run, number, deferrals, partition, webhook_id, due_at, position, headers, data, subject, sequence)
     select * from unnest(${columns}) ${where}
     on conflict (delivery_id, run) do update
        set number = excluded.number, deferrals = excluded.deferrals, due_at = excluded.due_at,
            position = excluded.position, headers = excluded.headers, subject = excluded.subject,
            sequence = excluded.sequence
      where (s.number, s.deferrals) <= (excluded.number, excluded.deferrals)`;
}

const columnsOf = (rows: readonly ScheduleRow[]): unknown[] => [
  rows.map(({ ids }) => ids.deliveryId),
  rows.map(({ ids }) => ids.run),
  rows.map(({ ids }) => ids.number),
  rows.map(({ ids }) => ids.deferrals),
  rows.map((row) => row.partition),
  rows.map(({ ids }) => ids.webhookId),
  rows.map((row) => row.dueAt),
  rows.map((row) => row.position),
  rows.map((row) => JSON.stringify(row.headers)),
  rows.map((row) => row.data),
  rows.map(({ place }) => place?.subject ?? null),
  rows.map(({ place }) => place?.sequence ?? null),
];

/** The statement that removes rows, its parameters `$first` and the next. */
const removing = (first: number, where = ''): string =>
  `delete from delivery.schedule s using unnest($${first}::uuid[], $${first + 1}::int[]) as r(delivery_id, run)
    where ${where} s.delivery_id = r.delivery_id and s.run = r.run`;

const keysOf = (removed: readonly Removal[]): unknown[] => [
  removed.map((change) => change.deliveryId),
  removed.map((change) => change.run),
];
