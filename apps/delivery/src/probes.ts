import { areProbesOver, noteProbe, waitForProbeMs } from '@switchhook/domain';

/** When the endpoints that had one in the last minute were probed, whether their breaker is open or has closed since. */
export class Probes {
  private readonly byKey = new Map<string, readonly number[]>();

  /** A probe of the endpoint begins at `at`, epoch ms. */
  note(key: string, at: number): void {
    const noted = noteProbe(this.byKey.get(key) ?? [], at);
    this.byKey.delete(key);
    this.byKey.set(key, noted);
    this.forgetOver(at);
  }

  /** How long from `nowMs` the next one has to wait, ms: `openMs`, or until it would not be the sixth in a minute. */
  waitMs(key: string, openMs: number, nowMs: number): number {
    return waitForProbeMs(this.byKey.get(key) ?? [], openMs, nowMs);
  }

  size(): number {
    return this.byKey.size;
  }

  private forgetOver(nowMs: number): void {
    for (const [key, probes] of this.byKey) {
      if (!areProbesOver(probes, nowMs)) return; // In the order of their last one: the rest is younger.
      this.byKey.delete(key);
    }
  }
}
