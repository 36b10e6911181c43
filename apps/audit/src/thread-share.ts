import { setImmediate as othersTurn } from 'node:timers/promises';

/** A turn on a thread that is idle: what others then wait for at most. */
const TURN_MS = 1;
/** Of the time that the others have just taken: a third of a busy thread is ours. */
const SHARE = 0.5;

/**
 * How long work that is not urgent may keep the thread. On an idle thread it lets go every millisecond. On one that is never
 * idle a turn comes round seldom, and work that took a millisecond of each would fall ever further behind: there a turn is as
 * long as half of what the others had before it.
 */
export class ThreadShare {
  #turnMs = TURN_MS;
  #begunAt: number;

  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly others: () => Promise<unknown> = othersTurn,
  ) {
    this.#begunAt = now();
  }

  /** Whether our turn is over. */
  get isUsed(): boolean {
    return this.now() - this.#begunAt >= this.#turnMs;
  }

  /** Resolves when the others have had theirs. */
  async letOthers(): Promise<void> {
    const endedAt = this.now();
    await this.others();
    this.#begunAt = this.now();
    this.#turnMs = Math.max(TURN_MS, (this.#begunAt - endedAt) * SHARE);
  }
}
