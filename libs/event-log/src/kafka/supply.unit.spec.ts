import { describe, expect, it } from 'vitest';
import type { FetchTarget } from './fetcher.js';
import { HandOver, type Taker } from './hand-over.js';
import type { PartitionBatch } from './produce-queue.js';
import { Supply } from './supply.js';

const TOPIC = 'p.events.v1';
const NONE: PartitionBatch = { topic: TOPIC, partition: 0, records: [], bytes: 0 };
const taker = (position: number, partition = 0): Taker & FetchTarget => ({
  topic: TOPIC,
  partition,
  position,
  wantsMore: true,
  take: () => undefined,
  outOfRange: () => undefined,
});

class World {
  now = 1_000_000;
  behind = 0;
  readonly handOver = new HandOver();
  readonly supply: Supply;
  readonly fed = taker(7);
  readonly quiet = taker(7, 1);

  constructor(lazy = false) {
    const { handOver } = this;
    const onBehind = (): void => void (this.behind += 1);
    this.supply = new Supply({ handOver, now: () => this.now, fetchWaitMs: 500, lazy, onBehind });
    this.supply.replace([this.fed, this.quiet]);
  }

  own(base = 7): void {
    this.handOver.appended(NONE, base, this.now);
  }

  get waits(): boolean {
    return this.supply.pace.waitMs > 0;
  }

  get skipped(): (Taker & FetchTarget)[] {
    const { skips } = this.supply.pace;
    return [this.fed, this.quiet].filter((target) => skips?.(target));
  }
}

describe('how a member comes by its records', () => {
  it('waits at the broker as long as nothing is handed over', () => {
    const world = new World();
    expect(world.waits).toBe(true);
    world.own();
    expect(world.waits).toBe(false);
    world.now += 100;
    expect(world.waits).toBe(true);
  });

  it('looks for the records of others where none of our own came just now', () => {
    const world = new World();
    expect(world.skipped).toEqual([]);
    world.own();
    world.now += 99;
    expect(world.skipped).toEqual([world.fed]);
    world.handOver.appended({ ...NONE, partition: 1 }, 7, world.now);
    world.now += 1;
    expect(world.skipped).toEqual([world.quiet]);
  });

  it('does not look where our own are on their way, however long the log takes', () => {
    const world = new World();
    const appended = world.handOver.appending([NONE]);
    world.now += 5_000;
    expect([world.waits, world.skipped]).toEqual([false, [world.fed]]);
    appended();
    expect([world.waits, world.skipped]).toEqual([true, []]);
  });

  it('skips nothing while it fetches eagerly, nor what it has got anew', () => {
    const world = new World();
    world.own();
    world.supply.fetched(false);
    expect(world.skipped).toEqual([]);
    world.now += 10_001;
    world.own();
    expect(world.skipped).toEqual([world.fed]);
    world.supply.replace([world.fed]);
    expect(world.skipped).toEqual([]);
  });

  it('waits at the broker for 10 s after it fetched a record of somebody else', () => {
    const world = new World();
    world.supply.fetched(false);
    world.own();
    expect(world.waits).toBe(true);
    world.now += 10_001;
    world.own();
    expect(world.waits).toBe(false);
  });

  it('fetches at once what lies before a record of our own', () => {
    const world = new World();
    world.own();
    world.own(9);
    expect(world).toMatchObject({ behind: 1, waits: true });
  });

  it('is not handed anything where it is lazy, or when its partitions are somebody else’s', () => {
    const lazy = new World(true);
    expect(lazy.supply.pace).toMatchObject({ waitMs: 0, restMs: 900 });
    lazy.own(9);
    const world = new World();
    world.supply.replace([]);
    world.own(9);
    expect([lazy.behind, world.behind]).toEqual([0, 0]);
  });
});
