/**
 * Which records of one partition are still open, and so up to where the group may say that it is finished: the watermark is
 * the oldest open position, or the next one to be fetched when nothing is open. Nothing else is ever committed.
 */
export class SettleTracker {
  /** Positions as they were taken, oldest first; the part before `head` is finished. */
  private readonly positions: number[] = [];
  private readonly settled = new Set<number>();
  private head = 0;
  private next: number;

  constructor(start: number) {
    this.next = start;
  }

  /** `positions` (rising) were fetched; the fetch goes on at `next`, which may be past records that are not for us. */
  take(positions: readonly number[], next: number): void {
    for (const position of positions) this.positions.push(position);
    this.next = next;
  }

  /** Idempotent; without effect for a position that was never taken. */
  settle(position: number): void {
    if (position < this.watermark) return;
    // Mostly they come in order: a set of all would be made anew again and again.
    if (position !== this.positions[this.head]) {
      this.settled.add(position);
      return;
    }
    this.head += 1;
    while (this.settled.size > 0 && this.settled.delete(this.positions[this.head] ?? -1)) this.head += 1;
    if (this.head > 1_024 && this.head * 2 > this.positions.length) {
      this.positions.splice(0, this.head);
      this.head = 0;
    }
  }

  get watermark(): number {
    return this.positions[this.head] ?? this.next;
  }

  get open(): number {
    return this.positions.length - this.head - this.settled.size;
  }
}
