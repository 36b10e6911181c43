export interface WaitingCountDeps {
  /** Counts what waits: a scan, so that a million rows take a while. */
  readonly count: () => Promise<number>;
  readonly onCounted: (count: number) => void;
  readonly nowMs?: () => number;
  /** Calls `wake` after `waitMs`; answers with what ends the waiting. */
  readonly after?: (waitMs: number, wake: () => void) => () => void;
}

const EVERY_MS = 5_000;
/**
 * The count rests so many times as long as it took. Of a million rows it takes a fifth of a second, in which calls are late: each 5 s that
 * would be one call in twenty-five; once a minute it is one in three hundred.
 */
const RESTS = 500;
/** On a machine that is busy a count may take long; operators are not to be shown what was so long ago. */
const REST_MAX_MS = 60_000;

/** Counts what waits, now and then: every 5 s, less often where that takes long. A count that fails is left out. */
export class WaitingCount {
  private endWait: () => void;
  private isStopped = false;

  constructor(private readonly deps: WaitingCountDeps) {
    this.endWait = this.wait(EVERY_MS);
  }

  stop(): void {
    this.isStopped = true;
    this.endWait();
  }

  private wait(waitMs: number): () => void {
    return (this.deps.after ?? afterTimer)(waitMs, () => void this.run());
  }

  private async run(): Promise<void> {
    const { count, onCounted, nowMs = () => performance.now() } = this.deps;
    const startedAtMs = nowMs();
    await count().then(onCounted, () => undefined);
    const restMs = Math.min(RESTS * (nowMs() - startedAtMs), REST_MAX_MS);
    if (!this.isStopped) this.endWait = this.wait(Math.max(EVERY_MS, restMs));
  }
}

function afterTimer(waitMs: number, wake: () => void): () => void {
  const timer = setTimeout(wake, waitMs).unref();
  return () => clearTimeout(timer);
}
