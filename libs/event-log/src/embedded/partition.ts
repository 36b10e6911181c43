import type { LogRecord } from '../event-log.js';

/** Fewer dead entries than this are not worth moving an array for; so many of each partition stay in memory. */
const SHIFT_AT = 64;

/**
 * One partition of a topic as this process knows it: where it ends, and its newest records in memory, so that whoever
 * keeps up reads nothing back from the database.
 */
export class Partition {
  /** The next position. Only the writer moves it, when a commit is there. */
  next = 0;
  /** The first position that is still stored. */
  earliest = 0;
  lastAppendedAtMs = 0;
  #records: LogRecord[] = [];
  /** Bytes appended up to and with each record, since the process started. */
  #bytesUpTo: number[] = [];
  #head = 0;
  #bytesTotal = 0;
  #bytesDropped = 0;
  readonly #waiting = new Set<() => void>();

  constructor(
    readonly topic: string,
    readonly topicId: number,
    readonly number: number,
  ) {}

  /** The first position that is in memory; `next` when none is. */
  get tailStart(): number {
    return this.#records[this.#head]?.position ?? this.next;
  }

  get tailBytes(): number {
    return this.#bytesTotal - this.#bytesDropped;
  }

  /** Takes a record that was committed at `next`. Readers are woken by `wake`, once for all records of a commit. */
  push(record: LogRecord, bytes: number): void {
    this.#bytesTotal += bytes;
    this.#records.push(record);
    this.#bytesUpTo.push(this.#bytesTotal);
    this.next = record.position + 1;
    this.lastAppendedAtMs = record.appendedAtMs;
  }

  /** Up to `limitRecords` records in memory from `position` (not below `tailStart`), at least one, else ≤ `limitBytes`. */
  fromTail(position: number, limitRecords: number, limitBytes: number): LogRecord[] {
    const from = this.#head + position - this.tailStart;
    const bytesBefore = this.#bytesBefore(from);
    const most = Math.min(from + limitRecords, this.#records.length);
    let to = Math.min(from + 1, most);
    while (to < most && this.#bytesUpTo[to]! - bytesBefore <= limitBytes) to += 1;
    return this.#records.slice(from, to);
  }

  /** Bytes in memory from `position` on; Infinity when it is further back. */
  bytesFrom(position: number): number {
    const start = this.tailStart;
    return position < start ? Infinity : this.#bytesTotal - this.#bytesBefore(this.#head + position - start);
  }

  #bytesBefore(index: number): number {
    return index > this.#head ? this.#bytesUpTo[index - 1]! : this.#bytesDropped;
  }

  /** Forgets the oldest records in memory until at most `limitBytes` of them are left. */
  shrinkTo(limitBytes: number): void {
    while (this.#head < this.#records.length && this.tailBytes > limitBytes) {
      this.#bytesDropped = this.#bytesUpTo[this.#head]!;
      this.#head += 1;
    }
    if (this.#head >= SHIFT_AT || this.#head === this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#bytesUpTo = this.#bytesUpTo.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Sets the ends to what the database says and forgets what was in memory. */
  reset(ends: { earliest: number; next: number; lastAppendedAtMs: number }): void {
    this.shrinkTo(-1);
    this.earliest = ends.earliest;
    this.next = ends.next;
    this.lastAppendedAtMs = ends.lastAppendedAtMs;
  }

  /** Calls `listener` once, at the next commit for this partition. */
  onNext(listener: () => void): void {
    this.#waiting.add(listener);
  }

  forget(listener: () => void): void {
    this.#waiting.delete(listener);
  }

  wake(): void {
    const listeners = [...this.#waiting];
    this.#waiting.clear();
    for (const listener of listeners) listener();
  }
}
