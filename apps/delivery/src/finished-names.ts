import type { AttemptIds } from '@switchhook/contracts';

/**
 * The names `(delivery, run, number)` of the attempts that were finished last. A record whose name is here is a repeat (a
 * rebalance, a restart, a row that was released twice) and is dropped. Bounded: the oldest go first (correctness.md §1).
 */
export class FinishedNames {
  private readonly names = new Set<string>();

  private readonly parked = new Set<string>();
  /** Runs of deliveries that have ended. */
  private readonly ended = new Set<string>();

  constructor(
    private readonly namesMax = 500_000,
    private readonly parkedMax = 100_000,
    private readonly endedMax = 100_000,
  ) {}

  add(name: string): void {
    keep(this.names, name, this.namesMax);
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  /** The record of this attempt that had been put off so often was put off again: its row holds it now. */
  addParked(name: string, deferrals: number): void {
    keep(this.parked, joined(name, deferrals), this.parkedMax);
  }

  hasParked(name: string, deferrals: number): boolean {
    return this.parked.size > 0 && this.parked.has(joined(name, deferrals));
  }

  /** The log has the end of this run of a delivery, whoever wrote it: nothing that comes after it counts. */
  addEnded({ deliveryId, run }: Pick<AttemptIds, 'deliveryId' | 'run'>): void {
    keep(this.ended, joined(deliveryId, run), this.endedMax);
  }

  hasEnded({ deliveryId, run }: Pick<AttemptIds, 'deliveryId' | 'run'>): boolean {
    return this.ended.has(joined(deliveryId, run));
  }
}

/** One flat text: what a template makes keeps everything that it was made of (docs/adr/0048). */
const joined = (...parts: readonly (string | number)[]): string => parts.join('/');

function keep(names: Set<string>, name: string, max: number): void {
  names.delete(name);
  names.add(name);
  if (names.size <= max) return;
  const oldest = names.values().next();
  if (!oldest.done) names.delete(oldest.value);
}
