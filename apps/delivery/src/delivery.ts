import { TERMINAL_OUTCOMES, type Outcome } from '@switchhook/contracts';
import type { AssignedPartition, Batch, EventLog, LogRecord } from '@switchhook/event-log';
import { attempt } from './attempt.js';
import { FinishedNames } from './finished-names.js';
import type { SendCall } from './http-sender.js';
import { InHand } from './in-hand.js';
import { Lanes } from './lanes.js';
import { OutcomeWriter } from './record-outcome.js';
import { refillNames } from './refill-names.js';
import { Releaser } from './release.js';
import type { Schedule } from './schedule.js';
import { ScheduleProjection } from './schedule-projection.js';
import type { SignedDelivery } from './signed-delivery.js';
import { takeSigned, type Webhooks } from './take-signed.js';

export const DELIVERY = Symbol('DELIVERY');

export interface DeliveryDeps {
  readonly log: EventLog;
  readonly schedule: Schedule;
  readonly webhooks: Webhooks;
  readonly send: SendCall;
  readonly now: () => number;
  readonly random: () => number;
  readonly report: DeliveryReport;
}

/** What operators hear of it. */
export interface DeliveryReport {
  attempted(delivery: SignedDelivery, outcome: Outcome): void;
  unreadable(record: LogRecord, reason: string): void;
  failed(what: string, error: unknown): void;
}

/** Handed to the log's group options and to the two consumers. */
export interface Delivery {
  takeSigned(batch: Batch): Promise<void>;
  projectOutcomes(batch: Batch): Promise<void>;
  onAssigned(partition: AssignedPartition): Promise<void>;
  onRevoked(partition: number): Promise<void>;
  /** From now on calls under way have the longer time of a shutdown to end. */
  startClosing(): void;
  close(): Promise<void>;
  counts(): { lanes: number; records: number; calls: number; partitions: readonly number[] };
}

const DEFAULT_CONCURRENCY = 16;
/** Calls under way have 3 s at a rebalance and 10 s at a shutdown (correctness.md §2, §8); some of it is for the outcomes. */
const GRACE_MS = { rebalance: 2_500, shutdown: 9_000, outcomes: 500 };
const STORE_POSITIONS_MS = 5_000;

/**
 * Wires the parts of delivery: signed record → lane → call → outcome → schedule → requested again when due. What belongs to a
 * partition (lanes, names, rows) comes with its assignment and goes with its revocation.
 */
export function createDelivery(deps: DeliveryDeps): Delivery {
  const { log, schedule, webhooks, now, report } = deps;
  const names = new FinishedNames();
  const inHand = new InHand();
  const partitions = new Set<number>();
  const onError = (error: unknown) => report.failed('schedule', error);

  const writer = new OutcomeWriter({
    log,
    names,
    inHand,
    onUnavailable: (error) => report.failed('outcome not acknowledged, trying again', error),
    onAcknowledged: () => lanes.resume(),
  });
  const makeAttempt = attempt({
    webhooks,
    send: deps.send,
    writer,
    now,
    random: deps.random,
    onAttempted: report.attempted,
  });
  const lanes = new Lanes<SignedDelivery>({
    start: (delivery, signal) =>
      makeAttempt(delivery, signal).catch((error: unknown) => report.failed(`attempt ${delivery.name}`, error)),
    concurrencyOf: (webhookId) => webhooks.get(webhookId)?.concurrency ?? DEFAULT_CONCURRENCY,
    mayStart: () => writer.mayStart(),
    onRoom: (webhookId) => releaser.roomFor(webhookId),
    now,
  });
  const releaser = new Releaser({ log, schedule, webhooks, room: (webhookId) => lanes.room(webhookId), now, onError });
  const projection = new ScheduleProjection({
    log,
    schedule,
    onChanged: (partition, changes) => releaser.changed(partition, changes),
    onUnreadable: report.unreadable,
  });
  const take = takeSigned({ webhooks, names, inHand, lanes, writer, now, onUnreadable: report.unreadable });
  const positionsTimer = setInterval(() => void projection.storePositions().catch(onError), STORE_POSITIONS_MS).unref();
  let graceMs = GRACE_MS.rebalance;

  return {
    takeSigned: take,
    projectOutcomes: async (batch) => {
      await projection.apply(batch.partition, batch.records);
      for (const record of batch.records) batch.settle(record);
    },
    onAssigned: async (assigned) => {
      await projection.assign(assigned);
      await refillNames(log, names, assigned, now());
      await releaser.assign(assigned.partition);
      partitions.add(assigned.partition);
    },
    onRevoked: async (partition) => {
      partitions.delete(partition);
      releaser.revoke(partition);
      await lanes.stopPartition(partition, graceMs);
      await inHand.emptied(partition, GRACE_MS.outcomes);
      inHand.forgetPartition(partition);
      await projection.revoke(partition);
    },
    startClosing: () => {
      graceMs = GRACE_MS.shutdown;
    },
    close: async () => {
      clearInterval(positionsTimer);
      await releaser.close();
    },
    counts: () => ({ ...lanes.counts(), partitions: [...partitions] }),
  };
}

/** `succeeded`, `retry`, or why the delivery ended: the label of the attempts counter. */
export function attemptResult(outcome: Outcome): string {
  if (outcome.outcome === 'attempted') return outcome.attempt?.error ?? 'retry';
  return outcome.outcome;
}

/** Whether this outcome ends the delivery. */
export const isTerminal = (outcome: Outcome): boolean => TERMINAL_OUTCOMES.has(outcome.outcome);
