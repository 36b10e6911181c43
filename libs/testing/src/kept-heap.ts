import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How many bytes of the heap are kept by what `make` returns. */
export function heapBytesKeptBy(make: () => unknown): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  const kept = [make()];
  collect();
  const bytes = process.memoryUsage().heapUsed - before;
  kept.length = 0;
  return bytes;
}
