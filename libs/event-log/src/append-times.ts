const MARK_EVERY_MS = 1_000;
const MARKS_MAX = 4_096;

/**
 * When the log took the records of one partition, for those that are not finished: one mark per second of appends instead of
 * one time per record. Where more than 4,096 marks would be needed, every second one is forgotten, and so on.
 */
export class AppendTimes {
  private positions: number[] = [];
  private timesMs: number[] = [];
  private everyMs = MARK_EVERY_MS;

  /** Positions and times rise. */
  note(position: number, appendedAtMs: number): void {
    const { length } = this.timesMs;
    if (length > 0 && appendedAtMs - this.timesMs[length - 1]! < this.everyMs) return;
    this.positions.push(position);
    this.timesMs.push(appendedAtMs);
    if (length >= MARKS_MAX) this.thin();
  }

  /**
   * Epoch ms at which the record at `position` was taken, or a little before (up to a second, or what a mark stands for);
   * undefined when nothing up to there was noted. Forgets what is older: positions asked for never fall.
   */
  at(position: number): number | undefined {
    let last = -1;
    while (last + 1 < this.positions.length && this.positions[last + 1]! <= position) last += 1;
    if (last > 0) {
      this.positions = this.positions.slice(last);
      this.timesMs = this.timesMs.slice(last);
      if (this.positions.length === 1) this.everyMs = MARK_EVERY_MS;
    }
    return last < 0 ? undefined : this.timesMs[0];
  }

  private thin(): void {
    this.everyMs *= 2;
    this.positions = this.positions.filter((_, index) => index % 2 === 0);
    this.timesMs = this.timesMs.filter((_, index) => index % 2 === 0);
  }
}
