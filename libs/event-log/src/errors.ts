/** One record is over the limit of its topic. `bytes` counts key, value and headers. */
export class RecordTooLargeError extends Error {
  constructor(
    readonly topic: string,
    readonly bytes: number,
    readonly limitBytes: number,
  ) {
    super(`A record for ${topic} has ${bytes} bytes; the limit is ${limitBytes}`);
  }
}

/** The log did not acknowledge: the broker or database is away. What was sent may or may not be there. */
export class LogUnavailableError extends Error {}

/**
 * Thrown by a handler that cannot go on yet (its directory is behind, say): the batch is handed on again soon, as after any
 * error, but it is neither logged as an error nor counted as a failure until 30 s have passed.
 */
export class HoldError extends Error {}
