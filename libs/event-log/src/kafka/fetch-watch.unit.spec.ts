import { describe, expect, it } from 'vitest';
import { FetchWatch, type Fetching } from './fetch-watch.js';

/** A watch over one fetch loop; the test says what the loop and the broker do. */
function watching() {
  const world = { nowMs: 100_000, answeredMs: 100_000, wants: true, answers: true, asked: 0 };
  const fetching: Fetching = {
    get answeredMs() {
      return world.answeredMs;
    },
    wanted: () => (world.wants ? [{ topic: 'a', partition: 0 }] : []),
  };
  const watch = new FetchWatch({
    now: () => world.nowMs,
    leaderAnswers: async () => {
      world.asked += 1;
      return world.answers;
    },
  });
  watch.add(fetching, 'Group a');
  return { world, watch, fetching };
}

describe('the watch over fetches', () => {
  it('finds a fetch that has had no answer for 30 s although the broker answers', async () => {
    const { world, watch } = watching();
    world.nowMs += 30_000;
    await watch.look();
    expect(watch.stuck).toBe('Group a has had no answer to a fetch for 30 s, but the broker answers');
    watch.close();
  });

  it('finds nothing while the broker is away, and asks it only when a fetch is late', async () => {
    const { world, watch } = watching();
    world.answers = false;
    world.nowMs += 29_999;
    await watch.look();
    expect([watch.stuck, world.asked]).toEqual([undefined, 0]);
    world.nowMs += 600_000;
    await watch.look();
    expect([watch.stuck, world.asked]).toEqual([undefined, 1]);
    watch.close();
  });

  it('finds nothing where nothing is wanted: a full queue or no partition is no fault of fetching', async () => {
    const { world, watch } = watching();
    world.wants = false;
    world.nowMs += 600_000;
    await watch.look();
    expect([watch.stuck, world.asked]).toEqual([undefined, 0]);
    // It has only now begun to ask.
    world.wants = true;
    world.nowMs += 29_000;
    await watch.look();
    expect([watch.stuck, world.asked]).toEqual([undefined, 0]);
    watch.close();
  });

  it('takes it back with the first answer, and with the end of the reader', async () => {
    const { world, watch, fetching } = watching();
    world.nowMs += 40_000;
    await watch.look();
    world.answeredMs = world.nowMs;
    expect(watch.stuck).toBeUndefined();
    world.nowMs += 40_000;
    await watch.look();
    expect(watch.stuck).toMatch(/40 s/);
    watch.forget(fetching);
    expect(watch.stuck).toBeUndefined();
    watch.close();
  });
});
