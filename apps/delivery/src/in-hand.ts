import { channel } from 'node:diagnostics_channel';
import type { SignedDelivery } from './signed-delivery.js';

/** Where chaos runs end the process (docs/adr/0035). */
const LANES_STOPPED = channel('switchhook.delivery.lanes-stopped');

interface Held {
  readonly delivery: SignedDelivery;
  readonly settle: () => void;
}

/**
 * The signed records that this process has taken and whose outcome the log has not acknowledged: in a lane, in a call, or
 * being parked. They hold the group's progress back, and a repeat of one of them is dropped.
 */
export class InHand {
  private readonly byName = new Map<string, Held>();
  private readonly waiting = new Set<() => void>();

  /** `new`: now held. `same`: this very record is held already. `repeat`: another record of an attempt that is held. */
  take(delivery: SignedDelivery, settle: () => void): 'new' | 'same' | 'repeat' {
    const held = this.byName.get(delivery.name);
    if (held) return held.delivery.record.position === delivery.record.position ? 'same' : 'repeat';
    this.byName.set(delivery.name, { delivery, settle });
    return 'new';
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  size(): number {
    return this.byName.size;
  }

  /** The log has the outcome: progress may pass the record. */
  settle(name: string): void {
    const held = this.byName.get(name);
    this.byName.delete(name);
    held?.settle();
    this.changed();
  }

  /**
   * It is held no more, although progress may not pass its record before the returned function is called: what will come of it
   * comes as another record, perhaps before we know that it will come, and must not be taken for a repeat.
   */
  letGo(name: string): () => void {
    const held = this.byName.get(name);
    this.byName.delete(name);
    return () => {
      held?.settle();
      this.changed();
    };
  }

  /** Forgets what was held of a partition that is gone; its next owner reads it again. */
  forgetPartition(partition: number): void {
    for (const [name, { delivery }] of this.byName) {
      if (delivery.partition === partition) this.byName.delete(name);
    }
    this.changed();
  }

  /** Resolves when nothing of the partition is held any more, or after `graceMs`. */
  async emptied(partition: number, graceMs: number): Promise<void> {
    LANES_STOPPED.publish(undefined);
    const isEmpty = () => ![...this.byName.values()].some(({ delivery }) => delivery.partition === partition);
    if (isEmpty()) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve();
      };
      const look = () => {
        if (isEmpty()) done();
      };
      const timer = setTimeout(done, graceMs);
      this.waiting.add(look);
    });
  }

  private changed(): void {
    for (const look of this.waiting) look();
  }
}
