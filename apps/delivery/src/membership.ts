import type { AssignedPartition } from '@switchhook/event-log';

const LOOK_EVERY_MS = 50;

/**
 * Whether calls may begin for a partition: not once our last heartbeat is so old that it may soon be somebody else's, who
 * would make the same calls (correctness.md §2).
 */
export class Membership {
  private readonly partitions = new Map<number, AssignedPartition>();
  private looking: NodeJS.Timeout | undefined;

  /** `onSure`: calls that had to wait may begin. */
  constructor(private readonly onSure: () => void) {}

  assign(assigned: AssignedPartition): void {
    this.partitions.set(assigned.partition, assigned);
  }

  revoke(partition: number): void {
    this.partitions.delete(partition);
  }

  /** Asked before each call. After a false, `onSure` is called as soon as it would be true. */
  isSure(partition: number): boolean {
    const assigned = this.partitions.get(partition);
    if (assigned === undefined) return false;
    if (assigned.isSure()) return true;
    this.looking ??= setInterval(() => this.look(), LOOK_EVERY_MS).unref();
    return false;
  }

  close(): void {
    clearInterval(this.looking);
    this.looking = undefined;
    this.partitions.clear();
  }

  /** All partitions are held by one membership or more: go on with those that are sure, look again for the others. */
  private look(): void {
    const all = [...this.partitions.values()];
    if (all.every((assigned) => assigned.isSure())) {
      clearInterval(this.looking);
      this.looking = undefined;
    }
    if (all.some((assigned) => assigned.isSure())) this.onSure();
  }
}
