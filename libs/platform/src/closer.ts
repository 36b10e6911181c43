import type { Logger } from 'pino';

/** What a process has opened. Closing goes in the opposite order; what fails to close does not keep the rest open. */
export class Closer {
  readonly #closing: { readonly what: string; readonly close: () => Promise<unknown> }[] = [];

  constructor(private readonly logger: Logger) {}

  add(what: string, close: () => Promise<unknown>): void {
    this.#closing.push({ what, close });
  }

  /** Closes everything, the latest first. Never rejects: failures are logged. */
  async closeAll(): Promise<void> {
    for (let next = this.#closing.pop(); next; next = this.#closing.pop()) {
      try {
        await next.close();
      } catch (error) {
        this.logger.warn({ err: error, what: next.what }, 'could not be closed');
      }
    }
  }
}
