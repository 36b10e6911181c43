import { performance } from 'node:perf_hooks';

const LOOK_BACK_MS = 50;

/** The share (0 … 1) of its time that the event loop was not idle lately: over the last 50 ms at least, or since it was asked last. */
export function loopUse(): () => number {
  let since = performance.eventLoopUtilization();
  let lookedAt = performance.now();
  let use = 0;
  return () => {
    const now = performance.now();
    if (now - lookedAt < LOOK_BACK_MS) return use;
    const until = performance.eventLoopUtilization();
    use = performance.eventLoopUtilization(until, since).utilization;
    since = until;
    lookedAt = now;
    return use;
  };
}
