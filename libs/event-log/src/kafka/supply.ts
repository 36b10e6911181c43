import type { FetchPace } from './fetcher.js';
import type { HandOver, Taker, TakerPlace } from './hand-over.js';

const EAGER = { minBytes: 1, maxBytes: 4 * 1024 * 1024, partitionBytes: 1024 * 1024 };
const LAZY = { ...EAGER, minBytes: 0, waitMs: 0, restMs: 900, restUnderBytes: 2 * 1024 * 1024 };
/** While our own records come by hand: a look at what others may have appended. */
const LOOK = { ...EAGER, minBytes: 0, waitMs: 0, restMs: 100, restUnderBytes: 64 * 1024 };
const OWN_MS = 100;
const OTHERS_MS = 10_000;

export interface SupplyDeps {
  readonly handOver: HandOver;
  readonly now: () => number;
  readonly fetchWaitMs: number;
  readonly lazy: boolean;
  /** Something must be fetched now. */
  readonly onBehind: () => void;
}

/**
 * How the partitions of a member come by their records: what this process appends itself is handed over, and the rest is
 * fetched. While all of it has been our own for a while, the broker is asked ten times a second instead of always: each
 * append would end the fetch that waits for it, and both would be work for nothing. It is not asked for a partition that was fed
 * just now, or that something is on its way to: the answer would hold what is about to be handed over. A record of somebody
 * else is then late, once, by 200 ms or as long as our append takes: after it the member fetches eagerly again. A gap before our
 * next own record shows it sooner.
 */
export class Supply {
  private readonly eager: FetchPace;
  private readonly look: FetchPace;
  private readonly fedMs = new Map<TakerPlace, number>();
  private takers: readonly TakerPlace[] = [];
  private ownMs = -Infinity;
  private othersMs = -Infinity;
  private end: (() => void) | undefined;

  constructor(private readonly deps: SupplyDeps) {
    this.eager = { ...EAGER, waitMs: deps.fetchWaitMs };
    this.look = { ...LOOK, skips: (target) => this.isFed(target) };
  }

  /** How to fetch next. */
  get pace(): FetchPace {
    if (this.deps.lazy) return LAZY;
    const { now, handOver } = this.deps;
    if (now() - this.othersMs <= OTHERS_MS) return this.eager;
    const isFed = now() - this.ownMs < OWN_MS || this.takers.some((taker) => handOver.isAppending(taker));
    return isFed ? this.look : this.eager;
  }

  /** These are the member's partitions from now on. */
  replace(takers: readonly Taker[]): void {
    this.end?.();
    this.fedMs.clear();
    // What is not urgent is fetched in large pieces instead.
    if (this.deps.lazy) return;
    this.takers = takers;
    const { handOver, now, onBehind } = this.deps;
    this.end = handOver.add(takers, {
      given: (taker) => {
        this.ownMs = now();
        this.fedMs.set(taker, this.ownMs);
      },
      behind: () => {
        this.ownMs = -Infinity;
        onBehind();
      },
    });
  }

  private isFed(place: TakerPlace): boolean {
    const { now, handOver } = this.deps;
    return handOver.isAppending(place) || now() - (this.fedMs.get(place) ?? -Infinity) < OWN_MS;
  }

  /** Records were fetched: only our own, or others' too. */
  fetched(onlyOwn: boolean): void {
    if (onlyOwn) this.ownMs = this.deps.now();
    else this.othersMs = this.deps.now();
  }
}
