import { channel } from 'node:diagnostics_channel';
import type { AssignedPartition, EventLog } from '@switchhook/event-log';
import type { DeliveryParts } from './delivery-parts.js';
import { HopsBefore } from './hops-before.js';
import { refillNames } from './refill-names.js';

/** Where chaos runs end the process (docs/adr/0035). */
const REVOKED = channel('switchhook.delivery.revoked');

/** Of the time that a revocation leaves us, this much is for the outcomes of the calls that have ended, and for the rows. */
const OUTCOMES_GRACE_MS = 500;

export interface OwnPartitionsDeps extends Pick<
  DeliveryParts,
  'names' | 'inHand' | 'membership' | 'order' | 'gates' | 'gossip' | 'writer' | 'lanes' | 'releaser' | 'projection'
> {
  readonly log: Pick<EventLog, 'read' | 'unfinishedSince'>;
  readonly now: () => number;
}

/**
 * The partitions of this process. What belongs to one (lanes, names, rows, gates) comes with its assignment and goes with its
 * revocation, one after the other: the log awaits a revocation only for a while (a call or the database may hang), so that the
 * partition may be ours again before that has ended. What it still forgets would be what was just taken, and nobody would make
 * those attempts.
 */
export class OwnPartitions {
  private readonly taken = new Set<number>();
  private readonly turns = new Map<number, Promise<void>>();

  private readonly hops: HopsBefore;

  constructor(private readonly deps: OwnPartitionsDeps) {
    this.hops = new HopsBefore(deps.log, deps.now);
  }

  /** Whether it is ours, and its takeover is complete. */
  has(partition: number): boolean {
    return this.taken.has(partition);
  }

  all(): readonly number[] {
    return [...this.taken];
  }

  assign(assigned: AssignedPartition): Promise<void> {
    return this.inTurn(assigned.partition, () => this.take(assigned));
  }

  /** Calls under way have until shortly before `graceMs` to end; then they are aborted, and made again by the next owner. */
  revoke(partition: number, graceMs: number): Promise<void> {
    return this.inTurn(partition, () => this.giveBack(partition, graceMs));
  }

  private async take(assigned: AssignedPartition): Promise<void> {
    // It went away while this was waiting for its turn.
    if (assigned.signal.aborted) return;
    const { partition } = assigned;
    const { log, names, membership, order, gates, gossip, releaser, projection, now } = this.deps;
    membership.assign(assigned);
    // A takeover waits for the longest of these only.
    await allOf([
      gossip.restored(),
      gates.assign(partition),
      projection.assign(assigned).then(() => order.assign(partition)),
      refillNames({ log, names, hops: this.hops, now }, assigned),
    ]);
    await releaser.assign(partition);
    this.taken.add(partition);
  }

  private async giveBack(partition: number, graceMs: number): Promise<void> {
    const { inHand, membership, order, gates, writer, lanes, releaser, projection } = this.deps;
    this.taken.delete(partition);
    membership.revoke(partition);
    releaser.revoke(partition);
    const notBegun = await lanes.stopPartition(partition, Math.max(0, graceMs - 2 * OUTCOMES_GRACE_MS));
    // Nothing will come of these, so nobody has to wait for it.
    for (const { name } of notBegun) inHand.letGo(name);
    writer.flush();
    await inHand.emptied(partition, OUTCOMES_GRACE_MS);
    inHand.forgetPartition(partition);
    order.revoke(partition);
    await gates.revoke(partition);
    await projection.revoke(partition);
    REVOKED.publish(undefined);
  }

  /** Runs `step` when all that was begun for the partition before has ended, well or not. */
  private inTurn(partition: number, step: () => Promise<void>): Promise<void> {
    const done = (this.turns.get(partition) ?? Promise.resolve()).then(step);
    this.turns.set(
      partition,
      done.catch(() => undefined),
    );
    return done;
  }
}

/** Rejects as the first that does, but when all have ended: what is tried again must not meet what is still under way. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  const ended = await Promise.allSettled(work);
  const failed = ended.find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
}
