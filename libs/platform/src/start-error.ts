/**
 * The start cannot go on for a reason outside this program: a port that is taken, a server that refuses us. The message
 * says what to do and is shown alone, without a stack.
 */
export class StartError extends Error {}

/** Runs `work`; what it throws becomes a `StartError` that begins with `what`. */
export async function orStartError<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StartError(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
