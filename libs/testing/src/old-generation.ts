import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options?: { type: 'minor' }) => void;

function collector(): Collect {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}

/**
 * Returns a look at how many bytes of buffers are there that were not when it was made, after minor collections only: what a
 * step has left in the old generation, dead or not (docs/adr/0043). They are freed in the background: ask again.
 */
export function watchOldGeneration(): () => number {
  const collect = collector();
  collect();
  const before = process.memoryUsage().arrayBuffers;
  return () => {
    collect({ type: 'minor' });
    return process.memoryUsage().arrayBuffers - before;
  };
}
