import type { Place } from '../event-log.js';
import type { Part } from './commit.js';

/** A part that somebody waits for. */
export interface Waiting extends Part {
  readonly arrivedAtMs: number;
  readonly giveUpAtMs: number;
  readonly resolve: (places: readonly (Place | undefined)[]) => void;
  readonly reject: (error: Error) => void;
}

/** One commit takes parts up to this size (one part is never cut): a burst becomes several commits. */
const COMMIT_BYTES = 8 * 1024 * 1024;
const COMMIT_RECORDS = 5_000;

/** What commits write to: no other commit may write there while one is under way. */
export class Touched {
  readonly #topics = new Set<number>();
  readonly #groups = new Set<string>();

  has({ records, moves }: Part): boolean {
    for (const { partition } of records) if (this.#topics.has(partition.topicId)) return true;
    for (const { group } of moves) if (this.#groups.has(group)) return true;
    return false;
  }

  hasGroup(group: string): boolean {
    return this.#groups.has(group);
  }

  add({ records, moves }: Pick<Part, 'records' | 'moves'>): void {
    for (const { partition } of records) this.#topics.add(partition.topicId);
    for (const { group } of moves) this.#groups.add(group);
  }
}

/**
 * Parts that wait for a commit. A topic is written by one commit at a time, and so is a group's progress, so that the order
 * in which parts came is the order of their positions; commits of different topics go side by side.
 */
export class CommitQueue {
  #parts: Waiting[] = [];

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  push(part: Waiting): void {
    this.#parts.push(part);
  }

  /**
   * Takes what may go together in one commit beside those that write to `underWay`: nothing overtakes what came before it for
   * the same topic or group, and what need not wait for the disk does not go with what must. What `isHeld` stays.
   */
  take(underWay: Touched, isHeld: (part: Waiting) => boolean): Waiting[] {
    const blocked = new Touched();
    const taken: Waiting[] = [];
    const left: Waiting[] = [];
    let bytes = 0;
    let records = 0;
    for (const part of this.#parts) {
      const first = taken[0];
      const fits = !first || (bytes + part.bytes <= COMMIT_BYTES && records + part.records.length <= COMMIT_RECORDS);
      const goesAlong = !first || (part.flush === first.flush && part.names === first.names);
      if (fits && goesAlong && !underWay.has(part) && !blocked.has(part) && !isHeld(part)) {
        taken.push(part);
        bytes += part.bytes;
        records += part.records.length;
      } else {
        left.push(part);
        blocked.add(part);
      }
    }
    this.#parts = left;
    return taken;
  }

  /** Takes out those that are out of patience at `nowMs`. */
  takeLate(nowMs: number): Waiting[] {
    const isLate = (part: Waiting): boolean => part.giveUpAtMs < nowMs;
    if (!this.#parts.some(isLate)) return [];
    const late = this.#parts.filter(isLate);
    this.#parts = this.#parts.filter((part) => !isLate(part));
    return late;
  }

  takeAll(): Waiting[] {
    return this.#parts.splice(0);
  }
}
