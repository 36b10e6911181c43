import { describe, expect, it } from 'vitest';
import { HandOver, type Taker } from './hand-over.js';
import type { PartitionBatch } from './produce-queue.js';
import { Supply } from './supply.js';

const TOPIC = 'p.events.v1';
const NONE: PartitionBatch = { topic: TOPIC, partition: 0, records: [], bytes: 0 };
const taker = (position: number): Taker => ({
  topic: TOPIC,
  partition: 0,
  position,
  wantsMore: true,
  take: () => undefined,
});

class World {
  now = 1_000_000;
  behind = 0;
  readonly handOver = new HandOver();
  readonly supply: Supply;

  constructor(lazy = false) {
    const { handOver } = this;
    const onBehind = (): void => void (this.behind += 1);
    this.supply = new Supply({ handOver, now: () => this.now, fetchWaitMs: 500, lazy, onBehind });
    this.supply.replace([taker(7)]);
  }

  own(base = 7): void {
    this.handOver.appended(NONE, base, this.now);
  }

  get waits(): boolean {
    return this.supply.pace.waitMs > 0;
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
