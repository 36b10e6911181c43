import type { LogRecord, OutgoingRecord } from '../event-log.js';
import type { Assignment } from './assignment.js';
import type { Touched, Waiting } from './commit-queue.js';
import { CommitPlan, type Commit, type Part, type ReadyRecord } from './commit.js';
import type { Partition } from './partition.js';
import { bytesOf } from './parts.js';
import type { Move } from './progress.js';

/** More at a time is handled when it is there, in batches that let go of the thread in between. */
const RECORDS_MAX = 200;
const BYTES_MAX = 1024 * 1024;
/** Longer than a group takes for records that nobody else is to be asked about. */
export const HELD_MS = 5;

/** What a group did with records before they were appended: its outputs and its progress go along in their commit. */
export interface Along extends Part {
  appended(): void;
  dropped(): void;
}

export interface HandlingAheadDeps {
  /** The assignments of `partition` in groups that handle ahead. */
  readonly assignmentsOf: (partition: Partition) => readonly Assignment[];
  /** Whether a group that handles ahead is about to have finished all that there is. */
  readonly isAnyFinishing: () => boolean;
  /** Checks and measures records. Throws when one of them may not be appended. */
  readonly ready: (outputs: readonly OutgoingRecord[]) => ReadyRecord[];
  /** Told of progress that is in the database. */
  readonly saved: (move: Move) => void;
}

export interface CommitAndAlong {
  readonly commit: Commit;
  readonly along: readonly Along[];
}

/**
 * Lets groups handle records that are about to be appended, so that several hops are one commit (docs/adr/0039): with an event
 * go the requests that it causes, and with each request its signed call. Nobody sees any of it before all of it is there;
 * what a group cannot do at once it does as usual, after that.
 */
export class HandlingAhead {
  constructor(private readonly deps: HandlingAheadDeps) {}

  /**
   * Whether records that groups would handle ahead had better wait a moment: they would come behind those that are being
   * handled, and be handled when they are there; so would the next ones, and so on, for as long as there is much to do.
   */
  holdsAt(nowMs: number): (part: Waiting) => boolean {
    let isAnyFinishing: boolean | undefined;
    return ({ records, arrivedAtMs }) =>
      nowMs - arrivedAtMs < HELD_MS &&
      records.some(({ partition }) => this.deps.assignmentsOf(partition).length > 0) &&
      (isAnyFinishing ??= this.deps.isAnyFinishing());
  }

  /** Plans a commit of `parts` and of what they cause. Others are `underWay`; what they write to is not touched. */
  plan(parts: readonly Part[], moves: readonly Move[], nowMs: number, underWay: Touched): CommitAndAlong {
    const plan = new CommitPlan(nowMs);
    const along: Along[] = [];
    for (const part of parts) plan.add(part);
    let bytesLeft = BYTES_MAX - parts.reduce((sum, part) => sum + part.bytes, 0);
    let areNamed = parts[0]?.names !== undefined;
    for (let from = 0; bytesLeft > 0 && from < plan.size && plan.size - from <= RECORDS_MAX; areNamed = false) {
      const fresh = plan.byPartition(from);
      from = plan.size;
      for (const [partition, records] of fresh) {
        for (const assignment of this.deps.assignmentsOf(partition)) {
          const part = this.#handle(assignment, partition, records, areNamed);
          if (!part) continue;
          if (part.bytes > bytesLeft || underWay.has(part)) {
            part.dropped();
            continue;
          }
          bytesLeft -= part.bytes;
          along.push(part);
          plan.add(part);
        }
      }
    }
    return { commit: plan.commit(moves), along };
  }

  #handle(
    assignment: Assignment,
    partition: Partition,
    records: readonly LogRecord[],
    areNamed: boolean,
  ): Along | undefined {
    const handled = assignment.ahead(partition, records, areNamed);
    if (!handled) return undefined;
    const { outputs, move, appended, dropped } = handled;
    try {
      const ready = this.deps.ready(outputs);
      const part = { records: ready, moves: [move], flush: false, bytes: bytesOf(ready) };
      return {
        ...part,
        appended: () => {
          this.deps.saved(move);
          appended();
        },
        dropped,
      };
    } catch {
      // As when it comes to them in turn: then it is said.
      dropped();
      return undefined;
    }
  }
}
