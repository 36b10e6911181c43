import type { AttemptIds } from '@switchhook/contracts';
import { RecentNames } from './recent-names.js';

/**
 * The names `(delivery, run, number)` of the attempts that were finished last. A record whose name is here is a repeat (a
 * rebalance, a restart, a row that was released twice) and is dropped. Bounded: the oldest go first (correctness.md §1).
 */
export class FinishedNames {
  private readonly names: RecentNames;
  private readonly parked: RecentNames;
  /** Runs of deliveries that have ended. */
  private readonly ended: RecentNames;

  constructor(namesMax = 500_000, parkedMax = 100_000, endedMax = 100_000) {
    this.names = new RecentNames(namesMax);
    this.parked = new RecentNames(parkedMax);
    this.ended = new RecentNames(endedMax);
  }

  add(name: string): void {
    this.names.add(name);
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  /** The record of this attempt that had been put off so often was put off again: its row holds it now. */
  addParked(name: string, deferrals: number): void {
    this.parked.add(joined(name, deferrals));
  }

  hasParked(name: string, deferrals: number): boolean {
    return this.parked.size > 0 && this.parked.has(joined(name, deferrals));
  }

  /** The log has the end of this run of a delivery, whoever wrote it: nothing that comes after it counts. */
  addEnded({ deliveryId, run }: Pick<AttemptIds, 'deliveryId' | 'run'>): void {
    this.ended.add(joined(deliveryId, run));
  }

  hasEnded({ deliveryId, run }: Pick<AttemptIds, 'deliveryId' | 'run'>): boolean {
    return this.ended.has(joined(deliveryId, run));
  }
}

/** One flat text: what a template makes keeps everything that it was made of (docs/adr/0048). */
const joined = (...parts: readonly (string | number)[]): string => parts.join('/');
