import { channel } from 'node:diagnostics_channel';
import { TERMINAL_OUTCOMES, type Outcome } from '@switchhook/contracts';
import type { AssignedPartition, Batch } from '@switchhook/event-log';
import type { BreakerState } from './breakers.js';
import { Circuits } from './circuits.js';
import { deliveryParts, type DeliveryDeps, type DeliveryParts, type DeliveryReport } from './delivery-parts.js';
import { expireParked } from './expire-parked.js';
import { refillNames } from './refill-names.js';
import { takeSigned } from './take-signed.js';

/** Where chaos runs end the process (docs/adr/0035). */
const REVOKED = channel('switchhook.delivery.revoked');

export const DELIVERY = Symbol('DELIVERY');

/** Handed to the log's group options and to the two consumers. */
export interface Delivery {
  takeSigned(batch: Batch): Promise<void>;
  projectOutcomes(batch: Batch): Promise<void>;
  onAssigned(partition: AssignedPartition): Promise<void>;
  /** Calls under way have until shortly before `graceMs` to end; then they are aborted, and made again by the next owner. */
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

/** Of the time that a revocation leaves us, this much is for the outcomes of the calls that have ended, and for the rows. */
const OUTCOMES_GRACE_MS = 500;
const UPKEEP_MS = 5_000;
const EXPIRE_MS = 60_000;

/** Runs delivery. What belongs to a partition (lanes, names, rows, gates) comes with its assignment and goes with its revocation. */
export function createDelivery(deps: DeliveryDeps): Delivery {
  const { log, webhooks, breakers, now, report } = deps;
  const parts = deliveryParts(deps);
  const { names, inHand, membership, order, gates, gossip, writer, lanes, releaser, projection } = parts;
  const partitions = new Set<number>();
  const upkeep = setInterval(() => keepUp(parts, report), UPKEEP_MS).unref();
  const stopExpiry = startExpiry(deps, parts);

  return {
    takeSigned: takeSigned({
      ...{ webhooks, names, inHand, lanes, order, gates, writer, now },
      onUnreadable: report.unreadable,
    }),
    projectOutcomes: async (batch) => {
      await projection.apply(batch.partition, batch.records);
      for (const record of batch.records) batch.settle(record);
    },
    onAssigned: async (assigned) => {
      membership.assign(assigned);
      // A takeover waits for the longest of these only.
      await allOf([
        gossip.restored(),
        gates.assign(assigned.partition),
        projection.assign(assigned).then(() => order.assign(assigned.partition)),
        refillNames(log, names, assigned, now()),
      ]);
      await releaser.assign(assigned.partition);
      partitions.add(assigned.partition);
    },
    onRevoked: async (partition, graceMs) => {
      partitions.delete(partition);
      membership.revoke(partition);
      releaser.revoke(partition);
      await lanes.stopPartition(partition, Math.max(0, graceMs - 2 * OUTCOMES_GRACE_MS));
      await inHand.emptied(partition, OUTCOMES_GRACE_MS);
      inHand.forgetPartition(partition);
      order.revoke(partition);
      await gates.revoke(partition);
      await projection.revoke(partition);
      REVOKED.publish(undefined);
    },
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
    counts: () => ({ ...lanes.counts(), partitions: [...partitions], breakers: breakers.counts() }),
  };
}

/** Rejects as the first that does, but when all have ended: what is tried again must not meet what is still under way. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  const ended = await Promise.allSettled(work);
  const failed = ended.find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
}

/** What nothing else sets going: positions with nothing to store, gates whose time has passed, writes that failed. */
function keepUp({ projection, gates, lanes, releaser }: DeliveryParts, report: DeliveryReport): void {
  projection.storePositions().catch((error: unknown) => report.failed('schedule', error));
  gates.liftPassed();
  lanes.buckets.sweep();
  void gates.write();
  releaser.wake();
}

/** Looks every minute for what has been parked too long, one round at a time; answers with what ends that. */
function startExpiry({ log, stores, webhooks, now, report }: DeliveryDeps, parts: DeliveryParts): () => void {
  let busy = false;
  const round = async () => {
    if (busy) return;
    busy = true;
    await expireParked({ log, schedule: stores.schedule, webhooks, ...parts, now }).catch((error: unknown) =>
      report.failed('expiry of what is parked', error),
    );
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
