/** Lets a loop sleep until somebody wakes it. A call between two sleeps is not lost: the next sleep ends at once. */
export class Wakeup {
  private pending = false;
  private end: (() => void) | null = null;
  private stopped = false;

  wake(): void {
    this.pending = true;
    this.end?.();
  }

  /** Like `wake`, for a sleep that nothing else may shorten, and for all that follow. */
  stop(): void {
    this.stopped = true;
    this.end?.();
  }

  /** Sleeps for at most `ms`; `wakeable: false` sleeps through `wake` (a pause after a failure) and keeps it for later. */
  async wait(ms: number, wakeable = true): Promise<void> {
    const isOver = (): boolean => this.stopped || (wakeable && this.pending);
    if (!isOver()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        const end = (): void => {
          if (!isOver()) return;
          clearTimeout(timer);
          resolve();
        };
        this.end = end;
      });
      this.end = null;
    }
    if (wakeable) this.pending = false;
  }
}
