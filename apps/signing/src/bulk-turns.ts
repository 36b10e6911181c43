/** Of ten records, this many come from the normal topic while it has some. */
const NORMAL_OF_TEN = 9;
/** More credit than this is not kept: a pause of the bulk topic is no reason for a flood of it. */
const CREDIT_MAX = 1_000;
/** A batch of the bulk topic waits no longer for the normal one: it must get on, too. */
const WAIT_MAX_MS = 1_000;

/**
 * Whose turn it is: one record in ten from the bulk topic while the normal one has lag, all when it has none
 * (architecture.md §3).
 */
export class BulkTurns {
  private credit = 0;
  private waiting: (() => void)[] = [];

  /** `normalLag`: records of the normal topic that this process has not been handed. */
  constructor(private readonly normalLag: () => number) {}

  /** So many records of the normal topic are signed. */
  normalDone(records: number): void {
    this.credit = Math.min(CREDIT_MAX, this.credit + records / NORMAL_OF_TEN);
    const waiting = this.waiting;
    this.waiting = [];
    for (const look of waiting) look();
  }

  /** Resolves when so many records of the bulk topic may be signed, at the latest when `signal` is aborted. */
  async bulkTurn(records: number, signal: AbortSignal): Promise<void> {
    if (this.mustWait(records)) {
      const latest = AbortSignal.any([signal, AbortSignal.timeout(WAIT_MAX_MS)]);
      while (this.mustWait(records) && !latest.aborted) await this.nextLook(latest);
    }
    this.credit = Math.max(0, this.credit - records);
  }

  private mustWait(records: number): boolean {
    return this.credit < records && this.normalLag() > 0;
  }

  private nextLook(latest: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      latest.addEventListener('abort', () => resolve(), { once: true });
      this.waiting.push(resolve);
    });
  }
}
