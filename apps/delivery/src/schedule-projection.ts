import { channel } from 'node:diagnostics_channel';
import { TOPICS } from '@switchhook/contracts';
import type { AssignedPartition, EventLog, LogRecord } from '@switchhook/event-log';
import type { FinishedNames } from './finished-names.js';
import type { Schedule } from './schedule.js';
import { scheduleChange, type ScheduleChange } from './schedule-row.js';
import type { Webhooks } from './webhooks.js';

/** Where chaos runs end the process (docs/adr/0035). */
const CAUGHT_UP = channel('switchhook.delivery.caught-up');

export interface ScheduleProjectionDeps {
  readonly log: Pick<EventLog, 'identity' | 'read'>;
  readonly schedule: Pick<Schedule, 'apply' | 'position'>;
  readonly webhooks: Pick<Webhooks, 'get'>;
  readonly names: Pick<FinishedNames, 'addEnded' | 'hasEnded'>;
  /** Told of every change once it is stored. */
  readonly onChanged: (partition: number, changes: readonly ScheduleChange[]) => void;
  readonly onUnreadable: (record: LogRecord, reason: string) => void;
}

interface Owned {
  /** What the database has. */
  stored: number | null;
  /** What we have seen: ahead of `stored` while nothing had to be written. */
  seen: number;
  /** The write under way: each begins at the position that the one before has stored. */
  writing: Promise<void>;
}

const OUTCOMES = TOPICS.outcomes.name;

/** Keeps the schedule in step with the outcomes of the partitions that this process owns. */
export class ScheduleProjection {
  private readonly owned = new Map<number, Owned>();

  constructor(private readonly deps: ScheduleProjectionDeps) {}

  /** Brings a partition that was just assigned up to the end that its outcomes had then. */
  async assign({ partition, ends, signal }: AssignedPartition): Promise<void> {
    const { log, schedule } = this.deps;
    const stored = await schedule.position(this.at(partition));
    const owned: Owned = { stored, seen: stored ?? 0, writing: Promise.resolve() };
    const end = ends[OUTCOMES] ?? 0;
    if (owned.seen < end) {
      for await (const records of log.read(OUTCOMES, partition, { position: owned.seen }, end)) {
        if (signal.aborted) return;
        await this.applyTo(owned, partition, records);
      }
    }
    CAUGHT_UP.publish(undefined);
    this.owned.set(partition, owned);
  }

  /** Applies records of one partition, in order; what was seen before is skipped. */
  async apply(partition: number, records: readonly LogRecord[]): Promise<void> {
    const owned = this.owned.get(partition);
    if (owned) await this.applyTo(owned, partition, records);
  }

  /** Stores how far the projection has come, where it had nothing else to store. */
  async storePositions(): Promise<void> {
    for (const [partition, owned] of this.owned) {
      if (owned.stored !== null && owned.seen <= owned.stored) continue;
      await this.store(owned, partition, owned.seen, []);
    }
  }

  async revoke(partition: number): Promise<void> {
    const owned = this.owned.get(partition);
    this.owned.delete(partition);
    if (owned && owned.seen > (owned.stored ?? 0)) await this.store(owned, partition, owned.seen, []);
  }

  private async applyTo(owned: Owned, partition: number, records: readonly LogRecord[]): Promise<void> {
    const unseen = records.filter((record) => record.position >= owned.seen);
    const last = unseen.at(-1);
    if (!last) return;
    const changes = unseen.map((record) => this.changeOf(record)).filter((change) => change.kind !== 'nothing');
    const to = last.position + 1;
    if (changes.length > 0) await this.store(owned, partition, to, changes);
    owned.seen = to;
    if (changes.length > 0) this.deps.onChanged(partition, changes);
  }

  private changeOf(record: LogRecord): ScheduleChange {
    try {
      return scheduleChange(record, this.deps.webhooks, this.deps.names);
    } catch (error) {
      this.deps.onUnreadable(record, error instanceof Error ? error.message : String(error));
      return { kind: 'nothing' };
    }
  }

  /** In turn: the timer stores a position while a batch is being applied, and must not take that for another owner's move. */
  private store(owned: Owned, partition: number, to: number, changes: readonly ScheduleChange[]): Promise<void> {
    const written = owned.writing.then(() => this.storeNow(owned, partition, to, changes));
    owned.writing = written.catch(() => undefined);
    return written;
  }

  private async storeNow(owned: Owned, partition: number, to: number, changes: readonly ScheduleChange[]) {
    const { schedule } = this.deps;
    if (changes.length === 0 && owned.stored !== null && to <= owned.stored) return;
    if (await schedule.apply(this.at(partition), owned.stored, to, changes)) {
      owned.stored = to;
      return;
    }
    // Another owner has moved on: see where it stands, and let the caller try again with what is left.
    owned.stored = await schedule.position(this.at(partition));
    owned.seen = Math.max(owned.seen, owned.stored ?? 0);
    throw new Error(`the schedule of partition ${partition} was moved to ${owned.stored} by another owner`);
  }

  private at(partition: number) {
    return { identity: this.deps.log.identity, topic: OUTCOMES, partition };
  }
}
