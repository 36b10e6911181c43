import { setTimeout as sleep } from 'node:timers/promises';

/** How long and how often `eventually` asks. */
export interface EventuallyOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  /** Errors after which asking again is no use: they are thrown at once. */
  readonly giveUpOn?: (error: unknown) => boolean;
}

/**
 * Asks again until `fn` neither throws nor returns false, and returns what it returned.
 * Throws the last error (or says that the answer stayed false) after `timeoutMs` (5 s unless told).
 */
export async function eventually<T>(
  fn: () => T | Promise<T>,
  { timeoutMs = 5_000, everyMs = 20, giveUpOn }: EventuallyOptions = {},
): Promise<Exclude<T, false>> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const answer = await fn();
      if (answer !== false) return answer as Exclude<T, false>;
      failure = new Error(`still false after ${timeoutMs} ms`);
    } catch (error) {
      if (giveUpOn?.(error)) throw error;
      failure = error;
    }
    if (performance.now() >= giveUpAt) throw failure;
    await sleep(everyMs);
  }
}
