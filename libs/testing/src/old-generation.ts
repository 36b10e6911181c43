import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options?: { type: 'minor' }) => void;

const ROUNDS = 3;
const STEPS = 10;
const LOOKS = 20;

/**
 * How many bytes of buffers ten steps leave in the old generation, dead or not (docs/adr/0043): what is there after minor
 * collections and was not before. The most of three rounds, since a major collection in the midst of one hides what was left.
 */
export async function bytesLeftBy(step: () => Promise<void>): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  const look = (): number => {
    collect({ type: 'minor' });
    return process.memoryUsage().arrayBuffers;
  };
  let most = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    await step();
    collect();
    const before = look();
    for (let steps = 0; steps < STEPS; steps += 1) await step();
    // Buffers are freed in the background.
    let left = Infinity;
    for (let looks = 0; looks < LOOKS; looks += 1) {
      left = Math.min(left, look() - before);
      await sleep(5);
    }
    most = Math.max(most, left);
  }
  return most;
}
