import type { ConsumeOptions } from '@switchhook/event-log';

/** How a consumer group reads: everything of `ConsumeOptions` that `@EventPattern` does not say. */
export type ConsumerGroupOptions = Pick<
  ConsumeOptions,
  'settle' | 'lazy' | 'onAssigned' | 'onRevoked' | 'batchRecords'
>;

/**
 * The options of each consumer group, set by the modules (in a `useFactory` provider) before consuming starts.
 * A group that nobody configured has the defaults of the log.
 */
export class ConsumerGroups {
  readonly #options = new Map<string, ConsumerGroupOptions>();
  #closed = false;

  /** Throws when the group is configured twice, or after consuming has started: either would be lost silently. */
  configure(group: string, options: ConsumerGroupOptions): void {
    if (this.#closed) throw new Error(`Consumer group "${group}" is configured after consuming has started`);
    if (this.#options.has(group)) throw new Error(`Consumer group "${group}" is configured twice`);
    this.#options.set(group, options);
  }

  optionsOf(group: string): ConsumerGroupOptions {
    return this.#options.get(group) ?? {};
  }

  /** The groups that were configured; nothing can be configured from now on. */
  close(): readonly string[] {
    this.#closed = true;
    return [...this.#options.keys()];
  }
}
