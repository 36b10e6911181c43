import type { AssignedPartition, ConsumeOptions } from '../event-log.js';
import { backoffMs, pause, within } from '../backoff.js';
import type { PartitionFeed } from './partition-feed.js';

/** A partition number while it is ours: its feeds, one per topic, behind one gate. */
export class HeldPartition {
  /** Open when `onAssigned` has resolved. */
  readonly opened: Promise<void>;
  readonly feeds: PartitionFeed[] = [];
  /** No more batches; what is under way may finish. */
  private readonly stopping = new AbortController();
  /** The end of everything handed on. */
  private readonly ending = new AbortController();
  private open!: () => void;
  private isOpen = false;
  private assigning: Promise<void> | undefined;

  constructor(
    readonly number: number,
    private readonly options: ConsumeOptions,
    private readonly onFailure: (error: unknown) => void,
  ) {
    this.opened = new Promise((resolve) => (this.open = resolve));
  }

  get stopSignal(): AbortSignal {
    return this.stopping.signal;
  }

  get endSignal(): AbortSignal {
    return this.ending.signal;
  }

  /** Calls `onAssigned`, again until it resolves, and then opens the gate. */
  begin(place: Pick<AssignedPartition, 'starts' | 'ends' | 'isSure'>): void {
    this.assigning = this.assign({ ...place, partition: this.number, signal: this.ending.signal });
  }

  /**
   * Gives the partition back: hands on nothing more, lets `onRevoked` and a batch under way finish for `limitMs`, then
   * aborts what is left. Never rejects.
   */
  async giveBack(limitMs: number, lost: boolean): Promise<void> {
    this.stopping.abort();
    if (lost || !this.isOpen) this.ending.abort();
    this.open();
    const work = [
      this.assigning ?? Promise.resolve(),
      this.revoke(limitMs),
      ...this.feeds.map((feed) => feed.queue.idle()),
    ];
    await within(limitMs, Promise.allSettled(work));
    this.ending.abort();
  }

  private async revoke(limitMs: number): Promise<void> {
    if (this.assigning === undefined) return;
    try {
      await this.options.onRevoked?.(this.number, limitMs);
    } catch (error) {
      this.onFailure(error);
    }
  }

  private async assign(assigned: AssignedPartition): Promise<void> {
    for (let failures = 0; !this.stopping.signal.aborted;) {
      try {
        await this.options.onAssigned?.(assigned);
        this.isOpen = true;
        this.open();
        return;
      } catch (error) {
        failures += 1;
        if (this.stopping.signal.aborted) return;
        this.onFailure(error);
        await pause(backoffMs(failures), this.stopping.signal);
      }
    }
  }
}
