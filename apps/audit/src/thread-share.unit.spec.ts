import { describe, expect, it } from 'vitest';
import { ThreadShare } from './thread-share.js';

/** A thread on which the others need `othersMs` whenever they get it; `work` is ours. */
function thread(othersMs: number) {
  let nowMs = 0;
  let turns = 0;
  const share = new ThreadShare(
    () => nowMs,
    async () => {
      turns += 1;
      nowMs += othersMs;
    },
  );
  return {
    turns: () => turns,
    nowMs: () => nowMs,
    async work(ms: number) {
      for (let done = 0; done < ms; done += 0.5) {
        nowMs += 0.5;
        if (share.isUsed) await share.letOthers();
      }
    },
  };
}

describe('work that is not urgent', () => {
  it('lets go of an idle thread every millisecond', async () => {
    const idle = thread(0.25);
    await idle.work(20);
    expect(idle.turns()).toBe(20);
  });

  it('has a third of a thread that is never idle, however long the others take', async () => {
    for (const othersMs of [4, 40, 400]) {
      const busy = thread(othersMs);
      await busy.work(2_000);
      expect(2_000 / busy.nowMs()).toBeGreaterThan(0.3);
      expect(2_000 / busy.nowMs()).toBeLessThan(0.36);
    }
  });
});
