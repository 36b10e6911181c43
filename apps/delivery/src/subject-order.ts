import { TERMINAL_OUTCOMES, type Outcome } from '@switchhook/contracts';
import { SubjectTurns } from '@switchhook/domain';
import { placeInOrder, subjectKey } from './place-in-order.js';
import type { Schedule } from './schedule.js';
import type { ScheduleChange, ScheduleRow } from './schedule-row.js';
import type { SignedDelivery } from './signed-delivery.js';
import type { Webhooks } from './webhooks.js';

export interface SubjectOrderDeps {
  readonly schedule: Pick<Schedule, 'subjects' | 'firstOfSubjects'>;
  /** Whether the schedule has all rows that the partition's outcomes have led to; it has not after a crash of the database. */
  readonly isWhole: (partition: number) => Promise<boolean>;
  readonly webhooks: Pick<Webhooks, 'get'>;
  /** Rows of a webhook may be requested that had to wait for others, or nothing of it is unfinished any more. */
  readonly onReady: (webhookId: number) => void;
  readonly now: () => number;
}

interface Ordered {
  readonly partition: number;
  readonly turns: SubjectTurns;
}

/**
 * Keeps the order of subjects for the webhooks that ask for it (correctness.md §4): a record goes into its lane only when it
 * is its turn, and of what waits in the schedule only the first of each subject is requested. In memory for the partitions
 * that this process owns, one entry per subject with something unfinished; other webhooks cost nothing.
 */
export class SubjectOrder {
  private readonly byWebhook = new Map<number, Ordered>();

  constructor(private readonly deps: SubjectOrderDeps) {}

  /** Learns which subjects have rows, before any record of the partition is taken. */
  async assign(partition: number): Promise<void> {
    for (const { webhookId, subject } of await this.deps.schedule.subjects(partition)) {
      this.turnsOf(webhookId, partition).load(subject);
    }
  }

  revoke(partition: number): void {
    for (const [webhookId, ordered] of this.byWebhook) {
      if (ordered.partition === partition) this.byWebhook.delete(webhookId);
    }
  }

  /** False: an earlier record of its subject is unfinished, this one has to wait in the schedule. */
  arrive({ webhookId, partition, ids, record }: SignedDelivery): boolean {
    const place = placeInOrder(this.deps.webhooks.get(webhookId), ids, record.headers);
    if (!place) return true;
    const ticket = { id: flat(ids.deliveryId), sequence: place.sequence };
    return this.turnsOf(webhookId, partition).arrive(place.subject, ticket);
  }

  /** The log has this outcome. */
  acknowledged({ webhookId, ids, record }: SignedDelivery, { outcome }: Outcome): void {
    const ordered = this.byWebhook.get(webhookId);
    const subject = ordered && ids.run === 0 ? subjectKey(record.headers) : undefined;
    if (!ordered || subject === undefined) return;
    if (TERMINAL_OUTCOMES.has(outcome)) ordered.turns.ended(subject, ids.deliveryId);
    else ordered.turns.putOff(subject, ids.deliveryId);
    this.tellReady(webhookId, ordered);
  }

  /** The projection has stored these changes. */
  changed(partition: number, changes: readonly ScheduleChange[]): void {
    for (const change of changes) {
      if (change.kind === 'put') this.stored(partition, change.row);
      else if (change.kind === 'remove' && change.run === 0) this.removed(change.webhookId, change);
    }
  }

  /** Whether rows of the webhook are requested in the order of their subjects. */
  handles(webhookId: number): boolean {
    return this.byWebhook.has(webhookId) && this.deps.webhooks.get(webhookId)?.ordering === 'key';
  }

  /** Rows whose turn it is, at most `limit`; they are not offered again until `again`. */
  async next(webhookId: number, limit: number): Promise<ScheduleRow[]> {
    const { turns, partition } = this.byWebhook.get(webhookId) ?? {};
    const subjects = turns?.takeReady(limit) ?? [];
    if (!turns || partition === undefined || subjects.length === 0) return [];
    try {
      const first = await this.deps.schedule.firstOfSubjects(webhookId, subjects);
      if (!(await this.deps.isWhole(partition))) {
        // That a row is not there says nothing now: the subject would be forgotten, and a later one go before it.
        for (const subject of subjects) turns.retry(subject);
        return [];
      }
      return subjects.flatMap((subject) => {
        const row = first.get(subject);
        const ticket = row?.place && { id: row.ids.deliveryId, sequence: row.place.sequence };
        return turns.looked(subject, ticket) && row && this.isDue(row) ? [row] : [];
      });
    } catch (error) {
      for (const subject of subjects) turns.retry(subject);
      throw error;
    }
  }

  /** Whether a row that is due may be requested now. */
  admits({ ids, place }: ScheduleRow): boolean {
    if (!place || !this.handles(ids.webhookId)) return true;
    const { turns } = this.byWebhook.get(ids.webhookId)!;
    return turns.isTurnOf(place.subject, ids.deliveryId);
  }

  /** These rows were to be requested and were not, or what was requested did not come. */
  again(webhookId: number, subject: string): void {
    this.byWebhook.get(webhookId)?.turns.retry(subject);
  }

  /** The net under all of this, now and then. */
  allAgain(): void {
    for (const [webhookId, ordered] of this.byWebhook) {
      ordered.turns.retryAll();
      this.tellReady(webhookId, ordered);
    }
  }

  private isDue({ dueAt }: ScheduleRow): boolean {
    return dueAt === null || dueAt <= this.deps.now();
  }

  private stored(partition: number, { ids, place, dueAt }: ScheduleRow): void {
    if (!place) return;
    const turns = this.turnsOf(ids.webhookId, partition);
    turns.stored(place.subject, { id: ids.deliveryId, sequence: place.sequence }, dueAt === null);
  }

  private removed(webhookId: number, { deliveryId, subject }: { deliveryId: string; subject?: string }): void {
    const ordered = this.byWebhook.get(webhookId);
    if (!ordered || subject === undefined) return;
    ordered.turns.removed(subject, deliveryId);
    this.tellReady(webhookId, ordered);
  }

  private tellReady(webhookId: number, { turns }: Ordered): void {
    if (turns.size() === 0) this.byWebhook.delete(webhookId);
    if (turns.size() === 0 || turns.hasReady()) this.deps.onReady(webhookId);
  }

  private turnsOf(webhookId: number, partition: number): SubjectTurns {
    const known = this.byWebhook.get(webhookId);
    if (known) return known.turns;
    const turns = new SubjectTurns();
    this.byWebhook.set(webhookId, { partition, turns });
    return turns;
  }
}

/** A copy that does not keep the header that the id was cut from: a subject may wait for days (docs/adr/0048). */
const flat = (id: string): string => Buffer.from(id, 'latin1').toString('latin1');
