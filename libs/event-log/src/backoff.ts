/** How long to wait before try number `failures + 1`: doubling from `firstMs` up to `mostMs`. */
export function backoffMs(failures: number, firstMs = 100, mostMs = 5_000): number {
  return Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 30));
}

/** Resolves after `timeMs`, or at once when `signal` is aborted. Never rejects. */
export function pause(timeMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, timeMs);
    signal?.addEventListener('abort', done);
  });
}

/** Resolves with `work`, or after `timeMs` with undefined. A rejection of `work` is passed on while it is awaited. */
export async function within<T>(timeMs: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
