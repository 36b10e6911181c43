import { TERMINAL_OUTCOMES, type Outcome } from '@switchhook/contracts';
import type { AssignedPartition, Batch } from '@switchhook/event-log';
import type { BreakerState } from './breakers.js';
import { Circuits } from './circuits.js';
import { deliveryParts, type DeliveryDeps, type DeliveryParts, type DeliveryReport } from './delivery-parts.js';
import { expireParked } from './expire-parked.js';
import { OwnPartitions } from './own-partitions.js';
import { takeSigned } from './take-signed.js';

export const DELIVERY = Symbol('DELIVERY');

/** Handed to the log's group options and to the two consumers. */
export interface Delivery {
  takeSigned(batch: Batch): Promise<void>;
  projectOutcomes(batch: Batch): Promise<void>;
  onAssigned(partition: AssignedPartition): Promise<void>;
  onRevoked(partition: number, graceMs: number): Promise<void>;
  close(): Promise<void>;
  readonly circuits: Circuits;
  counts(): {
    lanes: number;
    records: number;
    calls: number;
    partitions: readonly number[];
    breakers: Record<BreakerState, number>;
  };
}

const UPKEEP_MS = 5_000;
const EXPIRE_MS = 60_000;

/** Runs delivery. */
export function createDelivery(deps: DeliveryDeps): Delivery {
  const { log, webhooks, breakers, now, report } = deps;
  const parts = deliveryParts(deps);
  const { names, inHand, membership, order, gates, gossip, writer, lanes, releaser, projection } = parts;
  const partitions = new OwnPartitions({ ...parts, log, now });
  const upkeep = setInterval(() => keepUp(parts, report), UPKEEP_MS).unref();
  const stopExpiry = startExpiry(deps, parts);

  return {
    takeSigned: takeSigned({
      ...{ webhooks, names, inHand, lanes, order, gates, writer, now },
      isOurs: (partition) => partitions.has(partition),
      onUnreadable: report.unreadable,
    }),
    projectOutcomes: async (batch) => {
      await projection.apply(batch.partition, batch.records);
      for (const record of batch.records) batch.settle(record);
    },
    onAssigned: (assigned) => partitions.assign(assigned),
    onRevoked: (partition, graceMs) => partitions.revoke(partition, graceMs),
    close: async () => {
      clearInterval(upkeep);
      stopExpiry();
      parts.endPauses();
      membership.close();
      await releaser.close();
      await gossip.close();
      breakers.stop();
    },
    circuits: new Circuits({ breakers, gossip }),
    counts: () => ({ ...lanes.counts(), partitions: partitions.all(), breakers: breakers.counts() }),
  };
}

/** What nothing else sets going: positions with nothing to store, rows that the database has lost, gates whose time has passed, writes that failed. */
function keepUp({ projection, gates, lanes, releaser }: DeliveryParts, report: DeliveryReport): void {
  projection.keepUp().catch((error: unknown) => report.failed('schedule', error));
  gates.liftPassed();
  lanes.buckets.sweep();
  void gates.write();
  releaser.wake();
}

/** Looks every minute for what is parked, for what has been for too long, one round at a time; answers with what ends that. */
function startExpiry({ log, stores, webhooks, now, report }: DeliveryDeps, parts: DeliveryParts): () => void {
  let busy = false;
  const round = async () => {
    if (busy) return;
    busy = true;
    parts.order.allAgain();
    await parts.releaser
      .findParked()
      .then(() => expireParked({ log, schedule: stores.schedule, webhooks, ...parts, now }))
      .catch((error: unknown) => report.failed('expiry of what is parked', error));
    busy = false;
  };
  const timer = setInterval(() => void round(), EXPIRE_MS).unref();
  return () => clearInterval(timer);
}

/** `succeeded`, `retry`, or why the delivery ended: the label of the attempts counter. */
export function attemptResult(outcome: Outcome): string {
  if (outcome.outcome === 'attempted') return outcome.attempt?.error ?? 'retry';
  return outcome.outcome;
}

/** Whether this outcome ends the delivery. */
export const isTerminal = (outcome: Outcome): boolean => TERMINAL_OUTCOMES.has(outcome.outcome);
