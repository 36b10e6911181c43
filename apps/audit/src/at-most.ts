/** Runs `work`, at most so many at a time; the others wait their turn. */
export type Turnstile = <T>(work: () => Promise<T>) => Promise<T>;

/** A turnstile that lets `limit` in. */
export function atMost(limit: number): Turnstile {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return async (work) => {
    if (inside >= limit) await new Promise<void>((enter) => waiting.push(enter));
    else inside += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // Whoever enters takes the place over, so nobody slips in between.
      if (next) next();
      else inside -= 1;
    }
  };
}
