/**
 * The names `(delivery, run, number)` of the attempts that were finished last. A record whose name is here is a repeat (a
 * rebalance, a restart, a row that was released twice) and is dropped. Bounded: the oldest go first (correctness.md §1).
 */
export class FinishedNames {
  private readonly names = new Set<string>();

  constructor(private readonly namesMax = 500_000) {}

  add(name: string): void {
    this.names.delete(name);
    this.names.add(name);
    if (this.names.size <= this.namesMax) return;
    const oldest = this.names.values().next();
    if (!oldest.done) this.names.delete(oldest.value);
  }

  has(name: string): boolean {
    return this.names.has(name);
  }
}
