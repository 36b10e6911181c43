import { channel } from 'node:diagnostics_channel';
import type { EventLog } from '@switchhook/event-log';
import { Alarm } from './alarm.js';
import { Looks } from './looks.js';
import { releaseRecord } from './release-record.js';
import { nextParked } from './next-parked.js';
import { ReleasedRows, keyOf } from './released-rows.js';
import type { Schedule } from './schedule.js';
import type { ScheduleChange, ScheduleRow } from './schedule-row.js';
import type { SubjectOrder } from './subject-order.js';
import type { Webhooks } from './webhooks.js';

/** Where chaos runs end the process (docs/adr/0035). */
const TO_RELEASE = channel('switchhook.delivery.to-release');
const RELEASED = channel('switchhook.delivery.released');

export interface ReleaserDeps {
  readonly log: Pick<EventLog, 'publish'>;
  readonly schedule: Pick<Schedule, 'due' | 'parked' | 'parkedWithoutPlace' | 'park' | 'parkedWebhooks' | 'earliest'>;
  readonly order: Pick<SubjectOrder, 'handles' | 'next' | 'admits' | 'again'>;
  readonly webhooks: Webhooks;
  /** How many more records the lane of a webhook would take. */
  readonly room: (webhookId: number) => number;
  /** With how much room it is worth while to fetch parked rows for it. */
  readonly refillAt: (webhookId: number) => number;
  /** A row that was due had to be parked, because its lane has no room. */
  readonly onParked: (row: ScheduleRow) => void;
  /** Something of the webhook is parked whose row is not in the schedule yet. */
  readonly isRowToCome: (webhookId: number) => boolean;
  /** Nothing of the webhook is parked any more. */
  readonly onDrained: (webhookId: number) => void;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

/** A released row whose outcome has not come by then is released again; its name drops the repeat. */
const RELEASE_AGAIN_MS = 60_000;
/** Under way at a time; of one account never more than is still free, so that no slow endpoint keeps others from their retries. */
const RELEASED_MAX = 4_000;
const ROWS_AT_ONCE = 500;
/** The net under timer and wake-up. */
const POLL_MS = 5_000;
/** What is due and could not be released, because too much is under way, is looked at again after this. */
const BUSY_MS = 100;

/**
 * Requests the attempts that are due: of the partitions that this process owns, and only as many as their lanes have room
 * for. A released row stays in the schedule until its outcome replaces it; that it was released is known in memory only.
 */
export class Releaser {
  private readonly owned = new Set<number>();
  /** Webhooks with parked rows, by partition. */
  private readonly parked = new Map<number, Set<number>>();
  private readonly released = new ReleasedRows();
  private readonly looks = new Looks();
  private readonly alarm: Alarm;
  /** The earliest time of the rows that were stored since the last look at the table. */
  private earliestStored = Infinity;
  private running: Promise<void> | undefined;
  private again = false;
  private closed = false;

  constructor(private readonly deps: ReleaserDeps) {
    this.alarm = new Alarm(deps.now, () => this.look());
  }

  async assign(partition: number): Promise<void> {
    this.parked.set(partition, new Set(await this.deps.schedule.parkedWebhooks(partition)));
    this.owned.add(partition);
    this.wake();
  }

  revoke(partition: number): void {
    this.owned.delete(partition);
    this.parked.delete(partition);
    // Their outcomes are for the next owner to see: here they would take room until it is given back.
    this.released.removePartition(partition);
  }

  /**
   * The projection has stored these changes: their rows are no longer under way, and there may be new ones. Looks only when
   * that can lead to anything: what is parked behind a gate, or due in an hour, costs no look at the table.
   */
  changed(partition: number, changes: readonly ScheduleChange[]): void {
    let isRoom = false;
    for (const change of changes) if (change.kind !== 'nothing' && this.note(partition, change)) isRoom = true;
    // What is stored while a partition is being taken over is looked at when it is ours.
    if (!this.owned.has(partition)) return;
    if (isRoom || this.running) this.look();
    else if (!this.closed) this.alarm.setTo(this.earliestStored);
  }

  /** Whether there is room for what is parked of its webhook. */
  private note(partition: number, change: Exclude<ScheduleChange, { kind: 'nothing' }>): boolean {
    const ids = change.kind === 'put' ? change.row.ids : change;
    const key = keyOf(ids);
    this.released.remove(key);
    const parked = this.parked.get(partition);
    const dueAt = change.kind === 'put' ? change.row.dueAt : Infinity;
    this.looks.rowChanged(key, ids.webhookId, dueAt === null);
    if (dueAt === null) parked?.add(ids.webhookId);
    else this.earliestStored = Math.min(this.earliestStored, dueAt);
    return parked?.has(ids.webhookId) === true && this.needsRefill(ids.webhookId);
  }

  /**
   * Looks for webhooks with parked rows that are not known here: the one who had the partition before may have parked them when
   * it was ours already, with a write that was long on its way.
   */
  async findParked(): Promise<void> {
    for (const [partition, known] of this.parked) {
      for (const webhookId of await this.deps.schedule.parkedWebhooks(partition)) known.add(webhookId);
    }
    this.wake();
  }

  /** A lane has become shorter: what is parked behind it may follow. */
  roomFor(webhookId: number): void {
    const isToFind = [...this.parked].some(([at, ids]) => ids.has(webhookId) && !this.looks.isExhausted(at, webhookId));
    if (isToFind && this.needsRefill(webhookId)) this.look();
  }

  /** The order of its subjects allows what it did not allow before, or nothing of it is unfinished any more. */
  readyFor(webhookId: number): void {
    this.looks.webhookChanged(webhookId);
    this.roomFor(webhookId);
  }

  /** Looks now at what is due, and at all that is parked. */
  wake(): void {
    this.looks.allAgain();
    this.look();
  }

  /** Calls that come while it is looking make it look once more. */
  private look(): void {
    if (this.closed) return;
    this.again = true;
    this.running ??= this.runUntilQuiet().finally(() => {
      this.running = undefined;
      this.looks.end();
      if (this.again) this.look();
    });
  }

  /** The webhooks that have parked rows in the partitions of this process. */
  parkedWebhooks(): { partition: number; webhookId: number }[] {
    return [...this.parked].flatMap(([partition, ids]) => [...ids].map((webhookId) => ({ partition, webhookId })));
  }

  /** Deliveries that were released and whose outcome is not known yet: of one webhook, or all. */
  releasedIds(webhookId?: number): string[] {
    return this.released.ids(webhookId);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.alarm.stop();
    await this.running;
  }

  private async runUntilQuiet(): Promise<void> {
    while (this.again && !this.closed) {
      this.again = false;
      try {
        await this.releaseDue();
        await this.releaseParked();
      } catch (error) {
        this.deps.onError(error);
      }
    }
    await this.sleepUntilDue();
  }

  private async releaseDue(): Promise<void> {
    this.forgetOld();
    this.looks.begin();
    if (this.owned.size === 0) return;
    const limit = Math.min(ROWS_AT_ONCE, RELEASED_MAX - this.released.size);
    if (limit <= 0) return;
    const { now, schedule } = this.deps;
    const rows = await schedule.due({ partitions: [...this.owned], now: now(), released: this.releasedIds(), limit });
    // Its next owner would not know of what we park now.
    const [fitting, full] = this.divide(rows.filter(({ partition }) => this.owned.has(partition)));
    if (full.length > 0) {
      // First, for they may be parked although we are told that it failed.
      for (const row of full) {
        this.parked.get(row.partition)?.add(row.ids.webhookId);
        this.looks.webhookChanged(row.ids.webhookId);
        if (row.place) this.deps.order.again(row.ids.webhookId, row.place.subject);
        this.deps.onParked(row);
      }
      await schedule.park(full);
    }
    await this.request(fitting);
    if (rows.length === limit) this.again = true;
  }

  private async releaseParked(): Promise<void> {
    for (const [partition, webhookIds] of this.parked) {
      for (const webhookId of [...webhookIds].filter((each) => this.needsRefill(each))) {
        if (this.looks.isExhausted(partition, webhookId)) continue;
        const limit = Math.min(this.roomLeft(webhookId), ROWS_AT_ONCE);
        if (limit <= 0) continue;
        this.looks.begin();
        const rows = await nextParked(this.deps, this.released, { partition, webhookId, limit });
        // Last in turn next time, or not there any more.
        webhookIds.delete(webhookId);
        if (rows.length > 0 || this.mayHaveParked(webhookId)) webhookIds.add(webhookId);
        else this.deps.onDrained(webhookId);
        if (rows.length < limit) this.looks.foundAll(partition, webhookId);
        await this.request(rows);
      }
    }
  }

  /** Although a look-up has found nothing. */
  private mayHaveParked(webhookId: number): boolean {
    const { order, isRowToCome } = this.deps;
    const isUnderWay = this.released.ofWebhook(webhookId) > 0 || isRowToCome(webhookId);
    return isUnderWay || this.looks.hasParked(webhookId) || order.handles(webhookId);
  }

  /** Rows whose lane has room, and rows whose lane has none. */
  private divide(rows: readonly ScheduleRow[]): [ScheduleRow[], ScheduleRow[]] {
    const fitting: ScheduleRow[] = [];
    const full: ScheduleRow[] = [];
    const taken = new Map<number, number>();
    for (const row of rows) {
      const { webhookId } = row.ids;
      const count = taken.get(webhookId) ?? 0;
      const fits = this.roomLeft(webhookId) > count && this.deps.order.admits(row);
      if (fits) taken.set(webhookId, count + 1);
      (fits ? fitting : full).push(row);
    }
    return [fitting, full];
  }

  /** Without what has changed, or gone away, since: it would have no outcome, and take the place of others until it is given back. */
  private async request(found: readonly ScheduleRow[]): Promise<void> {
    const rows = found.filter(({ ids, partition }) => this.owned.has(partition) && !this.looks.hasChanged(keyOf(ids)));
    if (rows.length === 0) return;
    const at = this.deps.now();
    for (const { ids, place, partition } of rows) {
      const { accountId, webhookId, deliveryId } = ids;
      const subject = place?.subject;
      this.released.add(keyOf(ids), { partition, accountId, webhookId, deliveryId, subject, at });
    }
    try {
      TO_RELEASE.publish(undefined);
      await this.deps.log.publish(
        rows.map((row) => releaseRecord(row, this.deps.webhooks)),
        { flush: false },
      );
      RELEASED.publish(undefined);
    } catch (error) {
      for (const { ids } of rows) this.giveBack(keyOf(ids));
      throw error;
    }
  }

  private async sleepUntilDue(): Promise<void> {
    if (this.closed) return;
    this.earliestStored = Infinity;
    const earliest = await this.deps.schedule.earliest([...this.owned], this.releasedIds()).catch(() => null);
    const now = this.deps.now();
    const dueAt = Math.min(earliest ?? Infinity, this.earliestStored);
    this.alarm.reset();
    if (!this.closed) this.alarm.setTo(dueAt <= now ? now + BUSY_MS : Math.min(dueAt, now + POLL_MS));
  }

  /** What the lane would take beyond what is on its way to it, and what the account may have on the way. */
  private roomLeft(webhookId: number): number {
    const free = RELEASED_MAX - this.released.size;
    const accountId = this.deps.webhooks.get(webhookId)?.accountId ?? 0;
    return Math.min(this.laneRoomLeft(webhookId), free - this.released.ofAccount(accountId));
  }

  private laneRoomLeft(webhookId: number): number {
    return this.deps.room(webhookId) - this.released.ofWebhook(webhookId);
  }

  private needsRefill(webhookId: number): boolean {
    return this.laneRoomLeft(webhookId) >= this.deps.refillAt(webhookId);
  }

  /** It did not come about: it may be requested again. */
  private giveBack(key: string): void {
    const row = this.released.remove(key);
    if (!row) return;
    this.looks.webhookChanged(row.webhookId);
    if (row.subject !== undefined) this.deps.order.again(row.webhookId, row.subject);
  }

  private forgetOld(): void {
    const before = this.deps.now() - RELEASE_AGAIN_MS;
    for (const key of this.released.before(before)) this.giveBack(key);
  }
}
