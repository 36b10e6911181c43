import type { ConsumeOptions } from '@switchhook/event-log';

/** How a consumer group reads: everything of `ConsumeOptions` that `@EventPattern` does not say. */
export type ConsumerGroupOptions = Pick<
  ConsumeOptions,
  'settle' | 'lazy' | 'lingerMs' | 'ahead' | 'onAssigned' | 'onRevoked' | 'batchRecords'
>;

/**
 * The options of each consumer group, set by the modules (in a `useFactory` provider) before consuming starts.
 * A group that nobody configured has the defaults of the log.
 */
export class ConsumerGroups {
  readonly #options = new Map<string, ConsumerGroupOptions>();
  #closed = false;
  #lag: () => Readonly<Record<string, number>> = () => ({});

  /** Throws when the group is configured twice, or after consuming has started: either would be lost silently. */
  configure(group: string, options: ConsumerGroupOptions): void {
    if (this.#closed) throw new Error(`Consumer group "${group}" is configured after consuming has started`);
    if (this.#options.has(group)) throw new Error(`Consumer group "${group}" is configured twice`);
    this.#options.set(group, options);
  }

  /** Records of `topic` that this process has not yet been handed; 0 before consuming has started. */
  lagOf(topic: string): number {
    return this.#lag()[topic] ?? 0;
  }

  /** Consuming has started: where the lag can be seen from now on. */
  reportLag(lag: () => Readonly<Record<string, number>>): void {
    this.#lag = lag;
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
