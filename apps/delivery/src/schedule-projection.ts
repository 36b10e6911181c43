import { channel } from 'node:diagnostics_channel';
import { TOPICS } from '@switchhook/contracts';
import { HoldError, type AssignedPartition, type EventLog, type LogRecord } from '@switchhook/event-log';
import type { FinishedNames } from './finished-names.js';
import type { Schedule } from './schedule.js';
import { scheduleChange, type ScheduleChange } from './schedule-row.js';
import type { Webhooks } from './webhooks.js';

/** Where chaos runs end the process (docs/adr/0035). */
const CAUGHT_UP = channel('switchhook.delivery.caught-up');

export interface ScheduleProjectionDeps {
  readonly log: Pick<EventLog, 'identity' | 'read'>;
  readonly schedule: Pick<Schedule, 'apply' | 'position'>;
  readonly webhooks: Webhooks;
  readonly names: Pick<FinishedNames, 'addEnded' | 'hasEnded'>;
  /** Told of every change once it is stored. */
  readonly onChanged: (partition: number, changes: readonly ScheduleChange[]) => void;
  readonly onUnreadable: (record: LogRecord, reason: string) => void;
  /** The database has lost what the outcomes from position `from` to before `to` had led to; they are read again. */
  readonly onLost: (partition: number, from: number, to: number) => void;
}

interface Owned {
  /** What the database has. */
  stored: number | null;
  /** What we have seen: ahead of `stored` while nothing had to be written, or only what has time. */
  seen: number;
  /** Seen, and to be written with what comes next. */
  held: ScheduleChange[];
  holding: NodeJS.Timeout | undefined;
  /** What had been seen when the database was found to have lost some of it: up to here the log is read again. */
  lostUpTo: number;
  /** What is under way: each step begins at the position that the one before has stored. */
  turn: Promise<void>;
}

const OUTCOMES = TOPICS.outcomes.name;
/** What is parked waits for its webhook anyway: its row may be written so much later, with those of others. */
const HOLD_MS = 250;
const HELD_MAX = { changes: 500, bytes: 1024 * 1024 };

/**
 * Keeps the schedule in step with the outcomes of the partitions that this process owns. Its writes do not wait for the disk: a
 * database that crashes loses the last of them, rows and position together, while this process knows that it has made them. It
 * is noticed by the position, at the next write or within one round of `keepUp`, and the outcomes are read again from there.
 */
export class ScheduleProjection {
  private readonly owned = new Map<number, Owned>();

  constructor(private readonly deps: ScheduleProjectionDeps) {}

  /** Brings a partition that was just assigned up to the end that its outcomes had then. */
  async assign({ partition, ends, signal }: AssignedPartition): Promise<void> {
    const stored = await this.deps.schedule.position(this.at(partition));
    const begin = { seen: stored ?? 0, held: [], holding: undefined };
    const owned: Owned = { stored, ...begin, lostUpTo: 0, turn: Promise.resolve() };
    await this.readUpTo(owned, partition, ends[OUTCOMES] ?? 0, signal);
    if (signal.aborted) return;
    CAUGHT_UP.publish(undefined);
    this.owned.set(partition, owned);
  }

  /** Applies records of one partition, in order; what was seen before is skipped. */
  async apply(partition: number, records: readonly LogRecord[]): Promise<void> {
    await this.inTurn(partition, async (owned) => {
      await this.readAgain(owned, partition);
      await this.applyTo(owned, partition, records);
    });
  }

  /** Stores how far the projection has come, where it had nothing else to store, and sees whether the database has lost any of it. */
  async keepUp(): Promise<void> {
    for (const partition of this.owned.keys()) {
      await this.inTurn(partition, async (owned) => {
        await this.lookForLoss(owned, partition);
        await this.readAgain(owned, partition);
        await this.storeSeen(owned, partition);
      });
    }
  }

  /**
   * Whether the database has all rows that the outcomes seen have led to. To be asked after a look at the rows: what was stored since
   * has been told.
   */
  async isWhole(partition: number): Promise<boolean> {
    const owned = this.owned.get(partition);
    if (!owned) return false;
    const { stored } = owned;
    return !isBehind(await this.deps.schedule.position(this.at(partition)), stored) && owned.seen >= owned.lostUpTo;
  }

  /** Whether something of the webhook is parked and its row not written yet. */
  isHolding(webhookId: number): boolean {
    const isOf = (change: ScheduleChange): boolean => change.kind === 'put' && change.row.ids.webhookId === webhookId;
    return [...this.owned.values()].some(({ held }) => held.some(isOf));
  }

  async revoke(partition: number): Promise<void> {
    await this.inTurn(partition, (owned) => {
      this.owned.delete(partition);
      return this.storeSeen(owned, partition);
    });
  }

  /** One step at a time: the timer stores a position while a batch is being applied, and must not take that for another owner's move. */
  private async inTurn(partition: number, step: (owned: Owned) => Promise<void>): Promise<void> {
    const owned = this.owned.get(partition);
    if (!owned) return;
    const done = owned.turn.then(() => step(owned));
    owned.turn = done.catch(() => undefined);
    await done;
  }

  private async readAgain(owned: Owned, partition: number): Promise<void> {
    if (owned.seen < owned.lostUpTo) await this.readUpTo(owned, partition, owned.lostUpTo);
  }

  /** Applies what the log has between what was seen and `end`. */
  private async readUpTo(owned: Owned, partition: number, end: number, signal?: AbortSignal): Promise<void> {
    if (owned.seen >= end) return;
    for await (const records of this.deps.log.read(OUTCOMES, partition, { position: owned.seen }, end)) {
      if (signal?.aborted) return;
      await this.applyTo(owned, partition, records);
    }
  }

  private async applyTo(owned: Owned, partition: number, records: readonly LogRecord[]): Promise<void> {
    const unseen = records.filter((record) => record.position >= owned.seen);
    const last = unseen.at(-1);
    if (!last) return;
    const changes = unseen.map((record) => this.changeOf(record)).filter((change) => change.kind !== 'nothing');
    const to = last.position + 1;
    if (changes.length === 0) owned.seen = to;
    else if (this.mayHold(owned, partition, changes)) this.hold(owned, partition, to, changes);
    else await this.storeWithHeld(owned, partition, to, changes);
  }

  private mayHold(owned: Owned, partition: number, changes: readonly ScheduleChange[]): boolean {
    // Whoever takes over a partition reads the table next.
    if (this.owned.get(partition) !== owned || !changes.every(hasTime)) return false;
    const held = [...owned.held, ...changes];
    return held.length <= HELD_MAX.changes && bytesOf(held) <= HELD_MAX.bytes;
  }

  private hold(owned: Owned, partition: number, to: number, changes: readonly ScheduleChange[]): void {
    owned.seen = to;
    owned.held.push(...changes);
    // What fails is tried again, and said, by `keepUp`.
    owned.holding ??= setTimeout(() => void this.writeHeld(partition).catch(() => undefined), HOLD_MS).unref();
  }

  private async writeHeld(partition: number): Promise<void> {
    await this.inTurn(partition, (owned) => this.storeSeen(owned, partition));
  }

  private async storeWithHeld(
    owned: Owned,
    partition: number,
    to: number,
    more: readonly ScheduleChange[],
  ): Promise<void> {
    clearTimeout(owned.holding);
    owned.holding = undefined;
    const changes = [...owned.held, ...more];
    await this.store(owned, partition, to, changes);
    owned.held = [];
    owned.seen = to;
    if (changes.length > 0) this.deps.onChanged(partition, changes);
  }

  private changeOf(record: LogRecord): ScheduleChange {
    try {
      return scheduleChange(record, this.deps.webhooks, this.deps.names);
    } catch (error) {
      if (error instanceof HoldError) throw error;
      this.deps.onUnreadable(record, error instanceof Error ? error.message : String(error));
      return { kind: 'nothing' };
    }
  }

  private async storeSeen(owned: Owned, partition: number): Promise<void> {
    if (owned.seen > (owned.stored ?? 0)) await this.storeWithHeld(owned, partition, owned.seen, []);
  }

  private async store(owned: Owned, partition: number, to: number, changes: readonly ScheduleChange[]): Promise<void> {
    if (await this.deps.schedule.apply(this.at(partition), owned.stored, to, changes)) {
      owned.stored = to;
      return;
    }
    const { stored } = owned;
    const position = await this.lookForLoss(owned, partition);
    if (isBehind(position, stored)) {
      throw new Error(`the schedule of partition ${partition} was lost from ${position} on`);
    }
    owned.stored = position;
    // It is there: by our own write, whose answer we never got, or by that of another owner.
    if (position !== null && position >= to) return;
    throw new Error(`the schedule of partition ${partition} was moved to ${position} by another owner`);
  }

  /** Answers with the position that the database has. Where that is behind what we had stored, the rest is to be read again. */
  private async lookForLoss(owned: Owned, partition: number): Promise<number | null> {
    const position = await this.deps.schedule.position(this.at(partition));
    if (isBehind(position, owned.stored)) {
      owned.lostUpTo = Math.max(owned.lostUpTo, owned.seen);
      owned.seen = position ?? 0;
      owned.stored = position;
      owned.held = [];
      this.deps.onLost(partition, owned.seen, owned.lostUpTo);
    }
    return position;
  }

  private at(partition: number) {
    return { identity: this.deps.log.identity, topic: OUTCOMES, partition };
  }
}

/** A row without a time and in no order: nobody looks for it before its webhook has room. */
const hasTime = (change: ScheduleChange): boolean =>
  change.kind === 'put' && change.row.dueAt === null && change.row.place === undefined;

const bytesOf = (changes: readonly ScheduleChange[]): number =>
  changes.reduce((sum, change) => sum + (change.kind === 'put' ? change.row.data.length : 0), 0);

const isBehind = (position: number | null, other: number | null): boolean => (position ?? -1) < (other ?? -1);
