import { performance } from 'node:perf_hooks';

const LOOK_BACK_MS = 50;
const BUSY_ABOVE = 0.5;

/** Whether the event loop had little idle time lately: over the last 50 ms at least, or since it was asked last. */
export function loopBusy(): () => boolean {
  let since = performance.eventLoopUtilization();
  let lookedAt = performance.now();
  let isBusy = false;
  return () => {
    const now = performance.now();
    if (now - lookedAt < LOOK_BACK_MS) return isBusy;
    const until = performance.eventLoopUtilization();
    isBusy = performance.eventLoopUtilization(until, since).utilization > BUSY_ABOVE;
    since = until;
    lookedAt = now;
    return isBusy;
  };
}
