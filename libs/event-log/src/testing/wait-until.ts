import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves as soon as `condition` holds; throws, with what `describe` says, after `timeoutMs`. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  describe: () => string,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Still not so after ${timeoutMs} ms: ${describe()}`);
    await sleep(5);
  }
}
