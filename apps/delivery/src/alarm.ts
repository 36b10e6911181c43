/** Rings once, at the earliest of the times (epoch ms) that it was set to. It keeps no process alive. */
export class Alarm {
  private timer: NodeJS.Timeout | undefined;
  private ringsAt = Infinity;

  constructor(
    private readonly now: () => number,
    private readonly ring: () => void,
  ) {}

  /** Rings then, or before. */
  setTo(at: number): void {
    if (at >= this.ringsAt) return;
    clearTimeout(this.timer);
    this.ringsAt = at;
    this.timer = setTimeout(this.ring, Math.max(0, at - this.now())).unref();
  }

  /** Forgets the earlier time: the next one that it is set to counts. */
  reset(): void {
    this.ringsAt = Infinity;
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
