import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import type { Batch, Consumer, EventLog, OutgoingRecord } from '@switchhook/event-log';
import { isObservable, lastValueFrom } from 'rxjs';
import type { ConsumerGroups } from './consumer-groups.js';
import type { GroupLag } from './lag-watch.js';

/** What `@EventPattern` says on a consumer's method: the topic (without prefix) and the group that reads it. */
export interface ConsumerPattern {
  readonly topic: string;
  readonly group: string;
}

interface GroupConsumer {
  readonly group: string;
  readonly consumer: Consumer;
}

export interface EventLogStrategyDeps {
  readonly log: Pick<EventLog, 'consume'>;
  readonly groups: ConsumerGroups;
}

/**
 * Nest's transport over the event log, the same for both engines: `@EventPattern({ topic, group })` methods get whole
 * batches, what they return is what the log appends with the group's progress, and what they throw reaches the log as it
 * was thrown (the filter of http-error.filter.ts keeps Nest from renaming it).
 */
export class EventLogStrategy extends Server implements CustomTransportStrategy {
  /** The log reports what a handler throws; Nest need not. */
  override readonly propagatesEventHandlerErrors = true;
  readonly #deps: EventLogStrategyDeps;
  #consumers: readonly GroupConsumer[] = [];

  constructor(deps: EventLogStrategyDeps) {
    super();
    this.#deps = deps;
  }

  /** Joins all groups; calls back when every member has its partitions, or with what failed. */
  listen(callback: (error?: unknown) => void): void {
    this.#join().then(
      () => callback(),
      (error: unknown) => callback(error),
    );
  }

  /** Records not yet handed on, by topic, of all groups of this process: the greater where two groups read one topic. */
  lag(): Readonly<Record<string, number>> {
    const byTopic: Record<string, number> = {};
    for (const { consumer } of this.#consumers) {
      for (const [topic, lag] of Object.entries(consumer.lag())) byTopic[topic] = Math.max(byTopic[topic] ?? 0, lag);
    }
    return byTopic;
  }

  /** How old the oldest unfinished record is, for every group of this process and every topic that it reads. */
  lags(): readonly GroupLag[] {
    return this.#consumers.flatMap(({ group, consumer }) =>
      Object.entries(consumer.oldestMs()).map(([topic, oldestMs]) => ({ group, topic, oldestMs })),
    );
  }

  /** Closes all consumers side by side: each has its calls under way to wait for. */
  async close(): Promise<void> {
    const consumers = this.#consumers;
    this.#consumers = [];
    await Promise.all(consumers.map(({ consumer }) => consumer.close()));
  }

  on(): never {
    throw new Error('The event log emits no events of its own');
  }

  unwrap<T>(): T {
    throw new Error('Inject EVENT_LOG instead');
  }

  async #join(): Promise<void> {
    const { log, groups } = this.#deps;
    const handlersByGroup = handlersOf(this.messageHandlers);
    const unread = groups.close().filter((group) => !handlersByGroup.has(group));
    if (unread.length > 0) throw new Error(`No consumer reads as group ${unread.join(', ')}`);
    const joining = [...handlersByGroup].map(async ([group, handlers]) => {
      const topics = [...handlers.keys()];
      const options = { ...groups.optionsOf(group), group, topics };
      return { group, consumer: await log.consume({ ...options, handle: (batch) => handle(handlers, batch) }) };
    });
    const joined = await Promise.allSettled(joining);
    this.#consumers = joined.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const failed = joined.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

type HandlersByTopic = ReadonlyMap<string, MessageHandler>;

/** By group, then by topic. Throws on a pattern of another shape, and when two methods read one topic in one group. */
function handlersOf(registered: ReadonlyMap<string, MessageHandler>): Map<string, HandlersByTopic> {
  const byGroup = new Map<string, Map<string, MessageHandler>>();
  for (const [pattern, handler] of registered) {
    const { topic, group } = readPattern(pattern);
    if (handler.next) throw new Error(`Two consumers read ${topic} as group ${group}; each batch has one taker`);
    const byTopic = byGroup.get(group) ?? new Map<string, MessageHandler>();
    byGroup.set(group, byTopic.set(topic, handler));
  }
  return byGroup;
}

/** Nest keeps an object pattern as its JSON text. */
function readPattern(pattern: string): ConsumerPattern {
  const parsed: unknown = pattern.startsWith('{') ? JSON.parse(pattern) : undefined;
  const { topic, group } = (parsed ?? {}) as Partial<ConsumerPattern>;
  if (typeof topic !== 'string' || typeof group !== 'string') {
    throw new Error(`@EventPattern(${pattern}) must say { topic, group }`);
  }
  return { topic, group };
}

async function handle(handlers: HandlersByTopic, batch: Batch): Promise<readonly OutgoingRecord[] | void> {
  const handler = handlers.get(batch.topic);
  if (!handler) throw new Error(`Nobody reads ${batch.topic} in this group`);
  const result: unknown = await handler(batch);
  // With an interceptor, and for whatever was thrown, Nest answers with an Observable.
  const value = isObservable(result) ? await lastValueFrom(result, { defaultValue: undefined }) : result;
  return value as readonly OutgoingRecord[] | void;
}
