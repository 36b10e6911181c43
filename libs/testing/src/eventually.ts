import { setTimeout as sleep } from 'node:timers/promises';

/** How long and how often `eventually` asks. */
export interface EventuallyOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/**
 * Asks again until `fn` neither throws nor returns false, and returns what it returned.
 * Throws the last error (or says that the answer stayed false) after `timeoutMs` (5 s unless told).
 */
export async function eventually<T>(
  fn: () => T | Promise<T>,
  { timeoutMs = 5_000, everyMs = 20 }: EventuallyOptions = {},
): Promise<T> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const answer = await fn();
      if (answer !== false) return answer;
      failure = new Error(`still false after ${timeoutMs} ms`);
    } catch (error) {
      failure = error;
    }
    if (performance.now() >= giveUpAt) throw failure;
    await sleep(everyMs);
  }
}
